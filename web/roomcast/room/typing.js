import { RoomcastError } from "../protocol/error.js";
import { typing } from "../protocol/frames.js";

/** In milliseconds: the least time between two of our typing frames, and how long another user's counts. */
export const TYPING = { interval: 3_000, timeout: 5_000 };

/** @typedef {import("../protocol/frames.js").Person} Person */

/** Who is typing in one room. */
export class Typing {
  /** @type {Map<string, {person: Person, timer: any}>} by user, in the order in which they began */
  #typing = new Map();
  #sentAt = -Infinity;
  #name;
  #onChange;
  #onError;
  #clock;

  /**
   * @param {string} name - of the room
   * @param {{onChange: (typing: Person[]) => void, clock: import("../transport/clock.js").Clock,
   *   onError: (error: RoomcastError, socket: import("../transport/socket.js").Socket) => void}} tools
   */
  constructor(name, { onChange, onError, clock }) {
    this.#name = name;
    this.#onChange = onChange;
    this.#onError = onError;
    this.#clock = clock;
  }

  /** Send a typing frame, at most one per interval. @param {import("../transport/socket.js").Socket} socket */
  send(socket) {
    if (this.#clock.elapsed() - this.#sentAt < TYPING.interval) return;
    this.#sentAt = this.#clock.elapsed();
    socket.request(typing(this.#name)).catch((error) => {
      // Not sent again, also if the socket closes: the next key press sends a newer one.
      if (error instanceof RoomcastError) this.#onError(error, socket);
    });
  }

  /** @param {Person} person - is typing */
  onTyping(person) {
    const known = this.#typing.get(person.user);
    this.#clock.clearTimeout(known?.timer);
    const timer = this.#clock.setTimeout(() => this.end(person.user), TYPING.timeout);
    this.#typing.set(person.user, { person, timer });
    if (known?.person.name !== person.name) this.#report();
  }

  /** @param {string} user - has sent the message, or has stopped typing */
  end(user) {
    this.#clock.clearTimeout(this.#typing.get(user)?.timer);
    if (this.#typing.delete(user)) this.#report();
  }

  /** Stop for good. */
  stop() {
    for (const { timer } of this.#typing.values()) this.#clock.clearTimeout(timer);
    this.#typing.clear();
  }

  #report() {
    this.#onChange([...this.#typing.values()].map(({ person }) => person));
  }
}
