import { Emitter } from "../emitter.js";
import { moderate } from "../protocol/frames.js";

/**
 * @typedef {import("../protocol/frames.js").Message} Message
 * @typedef {import("../protocol/frames.js").Ack} Ack
 * @typedef {import("../protocol/frames.js").Person} Person
 * @typedef {import("../protocol/frames.js").Moderated} Moderated
 * @typedef {import("./presence.js").Presence} Presence
 * @typedef {"joining" | "joined" | "left"} RoomState - "joining" also while it is joined again after a lost connection
 *
 * @typedef {object} RoomEvents
 * @property {Message} message - strictly in the room's order, each once
 * @property {{more: boolean}} ready - the messages that the room begins with were told, if there are any; what comes
 *   from now on is news. `more`: there are earlier ones
 * @property {Message} changed - a message is not what it was: a moderator has deleted it
 * @property {{from: number, to: number}} lost - these seqs are given up: nobody has them any more
 * @property {{}} reset - the room's log began anew; nothing that was shown is part of it
 * @property {Ack} sent - a message of one's own is stored
 * @property {{id: string, code: string, detail: string}} failed - one is not, and will not be
 * @property {{id: string, code: string, detail: string, retryAfter: number}} delayed - one has to wait for so many
 *   seconds, as in slow mode; it is sent again by itself
 * @property {import("./presence.js").PresenceUpdate} presence - who is here now, and who has come and gone since the last time;
 *   who leaves is told five seconds late, and not at all if they are back by then
 * @property {Person[]} typing - who else is writing now
 * @property {Moderated} moderated - what a moderator has done
 * @property {{state: RoomState, code?: string}} state - `code` says why the room was left
 */

/**
 * A room that one is in. Get one from Roomcast's `join`.
 *
 * @extends {Emitter<RoomEvents>}
 */
export class Room extends Emitter {
  #session;

  /** @internal @param {string} name @param {import("./session.js").Session} session */
  constructor(name, session) {
    super();
    /** @readonly */
    this.name = name;
    this.#session = session;
  }

  /** @returns {RoomState} */
  get state() {
    return this.#session.state;
  }

  /** As whom the server knows oneself here; undefined until the room is joined. @returns {Person | undefined} */
  get me() {
    return this.#session.me;
  }

  /** The `user` of one's own messages, those of other tabs too. @returns {string | undefined} */
  get user() {
    return this.me?.user;
  }

  /**
   * Who is here, by user; null of a crowd. Known as soon as somebody listens to `presence`, or has asked for it, and is
   * answered.
   *
   * @returns {ReadonlyMap<string, Person> | null}
   */
  get members() {
    return this.#session.presence.company?.members ?? null;
  }

  /** How many they are; of a crowd, about how many connections. null: not known. @returns {number | null} */
  get count() {
    return this.#session.presence.company?.count ?? null;
  }

  /**
   * One's own messages that nobody has acknowledged yet, the oldest first. After a page reload those of the page before
   * are among them, and are sent again.
   *
   * @returns {{id: string, message: string, data?: unknown}[]}
   */
  get pending() {
    return this.#session.pending.map(({ at: _, ...content }) => content);
  }

  /**
   * Sends a message, now or when the connection is back, as often as it takes; it counts once.
   *
   * @param {string} message - 1 to 4,000 characters
   * @param {{data?: unknown, ref?: string}} [options] - `data`: any JSON up to 4 KB; `ref`: an id of your own, unique
   *   for each message. The ref of a pending message gives the promise of that one
   * @returns {Promise<Ack>} when it is stored
   * @throws {import("../protocol/error.js").RoomcastError} the server's, or `queue_full`, `expired`, `left`, `closed`
   */
  send(message, options = {}) {
    return this.#session.send(message, options);
  }

  /**
   * A page of earlier messages, to scroll back. While offline it waits.
   *
   * @param {{before?: number, limit?: number}} [range] - `before`: a seq, or else what was not read yet; `limit`: 1 to
   *   200, default 50
   * @returns {Promise<{messages: Message[], more: boolean, before: number}>} `more`: there are earlier ones, even if
   *   this page is empty; `before`: where the next page ends
   * @throws {import("../protocol/error.js").RoomcastError}
   */
  history(range = {}) {
    return this.#session.history(range);
  }

  /**
   * Who is here. From then on it is kept up to date, as for a listener to `presence`.
   *
   * @returns {Promise<Presence>}
   * @throws {import("../protocol/error.js").RoomcastError}
   */
  presence() {
    return this.#session.presence.known();
  }

  /** Tells the others that one is writing; call it at every key press. While offline it does nothing. */
  typing() {
    this.#session.type();
  }

  /**
   * Takes the text of a message away. This and the next four are moderators'; others are refused, `forbidden`.
   *
   * @param {number} seq
   * @returns {Promise<void>}
   * @throws {import("../protocol/error.js").RoomcastError}
   */
  async delete(seq) {
    await this.#session.ask(() => moderate.delete(this.name, seq));
  }

  /**
   * Sends a user out of the room for so long.
   *
   * @param {string} user @param {number} seconds - whole ones, up to 366 days; 0 lets the user in again
   * @returns {Promise<{until: string}>} ISO 8601
   * @throws {import("../protocol/error.js").RoomcastError}
   */
  ban(user, seconds) {
    return this.#session.ask(() => moderate.ban(this.name, user, seconds));
  }

  /**
   * Keeps a user from writing for so long.
   *
   * @param {string} user @param {number} seconds - 0 ends it
   * @returns {Promise<{until: string}>}
   * @throws {import("../protocol/error.js").RoomcastError}
   */
  mute(user, seconds) {
    return this.#session.ask(() => moderate.mute(this.name, user, seconds));
  }

  /**
   * Has each person wait between two messages.
   *
   * @param {number} seconds - 0 ends it
   * @returns {Promise<void>}
   * @throws {import("../protocol/error.js").RoomcastError}
   */
  async setSlowMode(seconds) {
    await this.#session.ask(() => moderate.slowMode(this.name, seconds));
  }

  /**
   * Keeps everybody but moderators from writing, or lets them again.
   *
   * @param {boolean} [locked]
   * @returns {Promise<void>}
   * @throws {import("../protocol/error.js").RoomcastError}
   */
  async lock(locked = true) {
    await this.#session.ask(() => moderate.lock(this.name, locked));
  }

  /**
   * Who listens to `presence` wants to know who is here: only then it is asked for.
   *
   * @template {keyof RoomEvents & string} Type
   * @override
   * @param {Type} type
   * @param {import("../emitter.js").Listener<RoomEvents[Type]>} listener
   * @param {boolean | {capture?: boolean, once?: boolean, passive?: boolean, signal?: AbortSignal}} [options]
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, listener, options);
    if (type === "presence") this.#session.presence.watch();
  }

  /** Leaves the room; what is pending is refused with `left`. @returns {Promise<void>} */
  leave() {
    return this.#session.leave();
  }
}
