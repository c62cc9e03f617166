import { typing } from "../protocol/frames.js";

/** In milliseconds: how often one tells that one is writing, and how long one is believed to be after that. */
export const TYPING = { every: 3_000, lasts: 5_000 };

/** @typedef {import("../protocol/frames.js").Person} Person */

/** Who is writing in one room. */
export class Typing {
  /** @type {Map<string, {person: Person, timer: any}>} by user, in the order in which they began */
  #writing = new Map();
  #toldAt = -Infinity;
  #name;
  #changed;
  #clock;

  /**
   * @param {string} name - of the room
   * @param {{changed: (writing: Person[]) => void, clock: import("../transport/clock.js").Clock}} tools
   */
  constructor(name, { changed, clock }) {
    this.#name = name;
    this.#changed = changed;
    this.#clock = clock;
  }

  /** Tells that one is writing, if that was not told just now. @param {import("../transport/socket.js").Link} link */
  tell(link) {
    // Not `<` alone: a computer's clock may be set back.
    if (Math.abs(this.#clock.now() - this.#toldAt) < TYPING.every) return;
    this.#toldAt = this.#clock.now();
    link.ask(typing(this.#name)).catch(() => {}); // It is worth nothing later; the next key press will do.
  }

  /** @param {Person} person - is writing */
  hear(person) {
    const known = this.#writing.get(person.user);
    this.#clock.clearTimeout(known?.timer);
    const timer = this.#clock.setTimeout(() => this.end(person.user), TYPING.lasts);
    this.#writing.set(person.user, { person, timer });
    if (known?.person.name !== person.name) this.#tellChange();
  }

  /** @param {string} user - has said it, or has stopped */
  end(user) {
    this.#clock.clearTimeout(this.#writing.get(user)?.timer);
    if (this.#writing.delete(user)) this.#tellChange();
  }

  /** For good. */
  stop() {
    for (const { timer } of this.#writing.values()) this.#clock.clearTimeout(timer);
    this.#writing.clear();
  }

  #tellChange() {
    this.#changed([...this.#writing.values()].map(({ person }) => person));
  }
}
