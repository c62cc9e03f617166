import { Backoff } from "../../transport/backoff.js";
import { RoomcastError } from "../../protocol/error.js";
import { SocketClosed } from "../../transport/socket.js";

/** Milliseconds that the server may ask for. A wrong number must not end the attempts. */
const MAX_RETRY_AFTER = 60_000;

/**
 * @typedef {import("../../transport/socket.js").Socket} Socket
 * @typedef {<Result>(make: () => import("../../protocol/frames.js").Request<Result>, signal?: AbortSignal) => Promise<Result>} Ask
 */

/** The requests that belong to a person and not to a membership: they go over any open socket. */
export class Requests {
  /** @type {Socket | null} the newest one */
  #socket = null;
  /** @type {RoomcastError | null} */
  #ended = null;
  /** @type {(() => void)[]} */
  #waiting = [];
  #clock;
  #random;

  /** @param {{clock: import("../../transport/clock.js").Clock, random: () => number}} tools */
  constructor({ clock, random }) {
    this.#clock = clock;
    this.#random = random;
  }

  /** @param {Socket} socket */
  onOpen(socket) {
    this.#socket = socket;
    this.#wake();
  }

  /** End for good. @param {RoomcastError} error - rejects every pending and later request */
  end(error) {
    this.#ended = error;
    this.#wake();
  }

  /**
   * Send a request when a socket is open; again on the next one if it closes, and after a pause if the error is temporary.
   *
   * @template Result
   * @param {() => import("../../protocol/frames.js").Request<Result>} make - called at each attempt
   * @param {AbortSignal} [signal] - ends the attempts
   * @returns {Promise<Result>}
   * @throws {RoomcastError} the server's, if it is not temporary, or the one of the end
   */
  async request(make, signal) {
    const backoff = new Backoff(this.#random);
    for (;;) {
      const socket = await this.#openSocket();
      signal?.throwIfAborted();
      try {
        return await socket.request(make(), signal);
      } catch (error) {
        if (error instanceof SocketClosed) continue;
        if (!(error instanceof RoomcastError && error.temporary)) throw error;
        const delay = Math.min((error.retryAfter ?? 0) * 1000, MAX_RETRY_AFTER) + backoff.next();
        await new Promise((resolve) => this.#clock.setTimeout(() => resolve(null), delay));
        signal?.throwIfAborted();
      }
    }
  }

  /** @returns {Promise<Socket>} */
  async #openSocket() {
    while (!this.#socket?.isOpen && !this.#ended) {
      await new Promise((resolve) => this.#waiting.push(() => resolve(null)));
    }
    if (this.#ended) throw this.#ended;
    return /** @type {Socket} */ (this.#socket);
  }

  #wake() {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
