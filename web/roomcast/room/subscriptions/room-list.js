import { Emitter } from "../../emitter.js";

/**
 * @typedef {import("../../protocol/subscriptions.js").Place & {room: string}} ListedRoom - `seq`: up to this number of the
 *   room `unread` counts; `mentions`: 100 means at least 100; `mention`: the newest one, if the server has told it
 */

/**
 * The rooms that this client's user has subscribed to. Get it from Roomcast's `rooms`.
 *
 * @extends {Emitter<{changed: {list: readonly ListedRoom[]}}>}
 */
export class RoomList extends Emitter {
  /** @type {readonly ListedRoom[] | null} null: it has to be made */
  #list = null;
  /** @type {WeakMap<object, {room: ListedRoom, time: number}>} by place: most are the same as in the list before */
  #listed = new WeakMap();
  #isEventPlanned = false;
  #places;

  /** @internal @param {import("./places.js").Places} places */
  constructor(places) {
    super();
    this.#places = places;
  }

  /** The room with the newest message first. It is replaced, and never changed. @returns {readonly ListedRoom[]} */
  get list() {
    return (this.#list ??= [...this.#places.all]
      .map(([room, place]) => this.#listedOf(room, place))
      .sort((one, other) => other.time - one.time || (one.room.room < other.room.room ? -1 : 1))
      .map(({ room }) => room));
  }

  /** False until all of it was read for the first time. */
  get isComplete() {
    return this.#places.isComplete;
  }

  /** Many changes come at once, as with a run of messages: they are one event. @internal */
  onChange() {
    this.#list = null;
    if (this.#isEventPlanned) return;
    this.#isEventPlanned = true;
    queueMicrotask(() => {
      this.#isEventPlanned = false;
      this.dispatchEvent(new CustomEvent("changed", { detail: { list: this.list } }));
    });
  }

  /** @param {string} name @param {import("../../protocol/subscriptions.js").Place} place */
  #listedOf(name, place) {
    const known = this.#listed.get(place);
    if (known) return known;
    const room = { room: name, ...place };
    const listed = { room, time: timeOf(room) };
    this.#listed.set(place, listed);
    return listed;
  }
}

/** When its newest message came; a notice may have told of a mention in one that is newer still. @param {ListedRoom} room */
const timeOf = ({ newest, mention, since }) =>
  Math.max(Date.parse(newest?.at ?? since) || 0, Date.parse(mention?.at ?? "") || 0);
