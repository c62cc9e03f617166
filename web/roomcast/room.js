import { Emitter } from "./emitter.js";

/**
 * @typedef {import("./frames.js").Message} Message
 * @typedef {import("./frames.js").Ack} Ack
 * @typedef {"joining" | "joined" | "left"} RoomState - "joining" also while it is joined again after a lost connection
 *
 * @typedef {object} RoomEvents
 * @property {Message} message - strictly in the room's order, each once
 * @property {{from: number, to: number}} gap - these seqs are given up: nobody has them any more
 * @property {{}} reset - the room's log began anew; nothing that was shown is part of it
 * @property {Ack} sent - a message of one's own is stored
 * @property {{id: string, code: string, detail: string}} refused - one is not, and will not be
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
   * @throws {import("./refusal.js").Refusal} the server's, or `queue_full`, `expired`, `left`, `closed`
   */
  send(message, options = {}) {
    return this.#session.send(message, options);
  }

  /**
   * A page of earlier messages, to scroll back. While offline it waits.
   *
   * @param {{before?: number, limit?: number}} [range] - `before`: a seq, or else what was not read yet; `limit`: 1 to
   *   200, default 50
   * @returns {Promise<{messages: Message[], more: boolean}>} `more`: there are earlier ones, even if this page is empty
   * @throws {import("./refusal.js").Refusal}
   */
  history(range = {}) {
    return this.#session.history(range);
  }

  /** Leaves the room; what is pending is refused with `left`. @returns {Promise<void>} */
  leave() {
    return this.#session.leave();
  }
}
