import { newsAfter } from "./days.js";

/**
 * @typedef {{seq: number, since: Date | null}} Mark - where the news begin: behind the message `seq`. `since`: when the
 *   reader went; null if that is not known
 */

/** How far the reader of one room has come: which messages were in view, and where those stand that came meanwhile. */
export class Reading {
  /** Where the line "new" stands; null if there is none. @type {Mark | null} */
  mark = null;
  /** The seq of the newest message that was in view, or was there when the room was entered. */
  #seen = 0;
  /** Becomes the mark with the first message that comes while the reader is away. @type {Mark | null} */
  #leftAt = null;
  #isReady = false;
  #onChange;

  /** @param {import("../../../roomcast.js").Room} room @param {() => void} onChange */
  constructor(room, onChange) {
    this.#onChange = onChange;
    room.addEventListener("ready", () => (this.#isReady = true));
    room.addEventListener("message", ({ detail: { seq, user } }) => {
      if (!this.#isReady) this.#seen = seq;
      else if (user !== room.user) this.#onNews();
    });
    room.addEventListener("reset", () => {
      this.#seen = 0;
      this.mark = this.#leftAt = null; // The numbers are other messages' from now on.
    });
  }

  /** @param {readonly import("./timeline.js").Entry[]} entries @returns {number} how many messages of others were not in view yet */
  unseen(entries) {
    return this.#isReady ? newsAfter(this.#seen, entries).count : 0; // Before, there is what was kept from another time.
  }

  /** The messages up to this one were in view. @param {number} seq */
  look(seq) {
    if (seq <= this.#seen) return;
    this.#seen = seq;
    this.#onChange();
  }

  /** The reader looks elsewhere. What was not in view by now is new, too. @param {Date} [now] */
  goAway(now = new Date()) {
    this.#leftAt ??= { seq: this.#seen, since: now };
  }

  /** The reader is back. */
  comeBack() {
    this.#leftAt = null;
  }

  /** The reader has left the room on the screen, and the line with it. @param {Date} [now] */
  leave(now) {
    this.dismiss();
    this.goAway(now);
  }

  /** Take the line away. */
  dismiss() {
    if (!this.mark) return;
    this.mark = null;
    this.#onChange();
  }

  /** A line whose messages the reader has not all seen stays where it is. */
  #onNews() {
    if (!this.#leftAt) return;
    if (!this.mark || this.#leftAt.seq > this.mark.seq) this.mark = this.#leftAt;
    this.#leftAt = null;
  }
}
