import { read } from "../../protocol/subscriptions.js";

/** Milliseconds between two marks: the server takes one a second per person and room. */
export const MARK_INTERVAL = 1_000;

/** How far this client's user has read one room: counted here at once, and sent to the server as often as it allows. */
export class Reading {
  #wanted = 0; // the highest seq that was marked here
  #stored = 0; // the highest seq that the server has
  #sentAt = -Infinity;
  /** @type {Promise<void> | null} */
  #running = null;
  #controller = new AbortController();
  #name;
  #tools;

  /**
   * @param {string} name - of the room
   * @param {{request: import("./requests.js").Ask, clock: import("../../transport/clock.js").Clock,
   *   onMark: (seq: number) => void, onStored: (mark: import("../../protocol/subscriptions.js").Mark) => void,
   *   onFailed: (code: string) => void}} tools - `onFailed`: what `onMark` told does not hold
   */
  constructor(name, tools) {
    this.#name = name;
    this.#tools = tools;
  }

  /** The highest number that was marked here and that the server may not have. 0: none. */
  get pending() {
    return this.#wanted > this.#stored ? this.#wanted : 0;
  }

  /**
   * @param {number} seq @returns {Promise<void>} when the server has this mark, or a higher one
   * @throws {import("../../protocol/error.js").RoomcastError}
   */
  mark(seq) {
    if (seq > Math.max(this.#wanted, this.#stored)) {
      this.#wanted = seq;
      this.#tools.onMark(seq);
    }
    if (!this.pending) return Promise.resolve();
    this.#running ??= this.#send(this.#controller.signal);
    this.#running.catch(() => {}); // A caller need not handle each promise.
    return this.#running;
  }

  /** The server has a mark of this user's: of another device, or because the user has written. @param {number} seq */
  onServerMark(seq) {
    this.#stored = Math.max(this.#stored, seq);
  }

  /** The room has a new log: the numbers mean nothing any more. */
  reset() {
    this.#controller.abort();
    this.#controller = new AbortController();
    this.#wanted = this.#stored = 0;
    this.#running = null;
  }

  /** Send the newest mark, again and again until there is none that the server lacks. @param {AbortSignal} signal */
  async #send(signal) {
    const { clock, request, onStored, onFailed } = this.#tools;
    try {
      while (this.pending) {
        // At least one task later: whoever marks many messages in a row means the last one.
        const delay = Math.max(0, this.#sentAt + MARK_INTERVAL - clock.elapsed());
        await new Promise((resolve) => clock.setTimeout(() => resolve(null), delay));
        if (signal.aborted) return;
        if (!this.pending) break;
        let seq = 0;
        const mark = await request(() => {
          seq = this.#wanted; // It may have risen during an absence, or a pause that the server asked for.
          this.#sentAt = clock.elapsed();
          return read(this.#name, seq);
        }, signal);
        this.onServerMark(mark.read);
        if (mark.read < seq) this.#wanted = Math.max(this.#stored, this.#wanted > seq ? this.#wanted : 0);
        onStored(mark);
        if (mark.read < seq) onFailed(""); // The server does not have so many.
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#wanted = this.#stored;
      onFailed(/** @type {any} */ (error).code);
      throw error;
    } finally {
      if (!signal.aborted) this.#running = null;
    }
  }
}
