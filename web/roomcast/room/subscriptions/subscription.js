import { Reading } from "./reading.js";
import { RoomcastError } from "../../protocol/error.js";
import { subscribe, unsubscribe } from "../../protocol/subscriptions.js";
import { Tally } from "./tally.js";

/**
 * @typedef {import("../../protocol/entries.js").Message} Message
 * @typedef {import("../../protocol/subscriptions.js").Mark} Mark
 * @typedef {import("../../protocol/subscriptions.js").Place} Place
 * @typedef {import("./requests.js").Ask} Ask
 *
 * @typedef {object} Watcher - is told what this user's place in a room depends on
 * @property {(subscription: Subscription, message: Message) => void} onMessage - the room's next one
 * @property {(subscription: Subscription, message: Message) => void} onChanged
 * @property {(subscription: Subscription, seq: number) => void} onMark - the user has read so far; the server need not know
 * @property {(room: string, mark: Mark) => void} onMarkStored
 * @property {(room: string, code: string) => void} onMarkFailed
 * @property {(room: string, place: Place) => void} onPlace - the user has subscribed
 * @property {(room: string) => void} onEnd - the user has no subscription
 * @property {() => void} onReset - the room has a new log
 */

/** What this client's user follows of one joined room: how far it is read, and how many messages follow. */
export class Subscription {
  #tally = new Tally();
  #reading;
  #tools;

  /**
   * @param {string} room
   * @param {{ask: Ask, askAsMember: Ask, watcher: Watcher, clock: import("../../transport/clock.js").Clock,
   *   user: () => string | undefined, position: () => {after: number | undefined, head: number}}} tools - `askAsMember`: a request
   *   that waits for the join; `position`: how far the room's log was read
   */
  constructor(room, tools) {
    const { clock, watcher } = tools;
    /** @readonly */
    this.room = room;
    this.#tools = tools;
    this.#reading = new Reading(room, {
      request: (make, signal) => this.#askForLog(make, signal),
      clock,
      onMark: (seq) => watcher.onMark(this, seq),
      onStored: (mark) => watcher.onMarkStored(room, mark),
      onFailed: (code) => watcher.onMarkFailed(room, code),
    });
  }

  /** The user that this client is to the server; undefined until the room is joined. */
  get user() {
    return this.#tools.user();
  }

  /** The highest number that was read here and that the server may not have; 0: none. */
  get pendingMark() {
    return this.#reading.pending;
  }

  /**
   * @param {number} seq @param {number} head - the messages up to it are counted
   * @returns {number | undefined} how many messages follow `seq`; undefined if they are not all here
   */
  messagesAfter(seq, head) {
    const { after = -1 } = this.#tools.position();
    return after >= head ? this.#tally.after(seq) : undefined;
  }

  /** @param {boolean} [muted] */
  async subscribe(muted) {
    const place = await this.#tools.ask(() => subscribe(this.room, muted));
    this.#tools.watcher.onPlace(this.room, place);
  }

  async unsubscribe() {
    await this.#tools.ask(() => unsubscribe(this.room));
    this.#tools.watcher.onEnd(this.room);
  }

  /** @param {number} seq */
  mark(seq) {
    // Messages that have not come are not read, whatever number the caller has.
    return this.#reading.mark(Math.min(seq, this.#tools.position().head));
  }

  /** The server has a mark of this user's: of another device, or because the user has written. @param {number} seq */
  onServerMark(seq) {
    this.#reading.onServerMark(seq);
  }

  /**
   * Send a request that names a number of the room's log: after the join, which tells if the room still has that log.
   * A room that was left does not join again, and its numbers are those that were read.
   *
   * @type {Ask}
   */
  async #askForLog(make, signal) {
    try {
      return await this.#tools.askAsMember(make, signal);
    } catch (error) {
      if (!(error instanceof RoomcastError && error.code === "left")) throw error;
      return this.#tools.ask(make, signal);
    }
  }

  /** @param {{type: string, detail: any}} event - of the room's log */
  onRelease({ type, detail }) {
    const { watcher } = this.#tools;
    if (type === "message") {
      this.#tally.add(detail.seq);
      watcher.onMessage(this, detail);
    } else if (type === "changed") {
      watcher.onChanged(this, detail);
    } else if (type === "lost" || type === "reset") {
      this.#tally.clear();
    }
    if (type !== "reset") return;
    this.#reading.reset();
    watcher.onReset();
  }
}
