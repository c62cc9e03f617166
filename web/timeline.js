/**
 * @typedef {import("./frames.js").Message} Message
 * @typedef {import("./frames.js").Ack} Ack
 * @typedef {object} Entry
 * @property {string} id
 * @property {string} user - empty until the room itself has sent the message
 * @property {string} name
 * @property {string} text
 * @property {string} at - ISO 8601
 * @property {boolean} mine - written in this window
 * @property {"sending" | "sent" | "refused"} delivery
 * @property {string} code - why it was refused
 * @property {number} era
 * @property {number} seq
 */

/** Older entries leave the page, so that a window that stays open for a week stays light. */
export const MOST_ENTRIES = 500;
/** In milliseconds; more than the clocks of two servers differ, or than it takes to store one message. */
const CLOCK_SKEW = 5_000;
const LAST = Number.MAX_SAFE_INTEGER;

/** The messages of one room, each once and in the room's order; one's own wait at the end for their place in it. */
export class Timeline {
  /** @type {Entry[]} */
  #entries = [];
  #era = 0;

  /** @returns {readonly Entry[]} the oldest first */
  get entries() {
    return this.#entries;
  }

  /**
   * Shows a message of one's own before anybody has it; with the ref of a refused one, takes that up again.
   * @param {{ref: string, name: string, text: string, at: string}} message
   */
  write({ ref, name, text, at }) {
    const entry = { id: ref, user: "", name, text, at, mine: true, code: "" };
    this.#put({ ...entry, delivery: "sending", era: LAST, seq: LAST });
  }

  /** @param {Ack} ack */
  acknowledge({ id, seq, at }) {
    const entry = this.#find(id);
    if (entry) this.#put({ ...entry, ...this.#position(seq, at), at, delivery: "sent" });
  }

  /**
   * Marks a message of one's own as not sent; it keeps its place, and the conversation goes on below.
   * @param {string} ref @param {string} code
   */
  refuse(ref, code) {
    const entry = this.#find(ref);
    if (entry?.delivery !== "sending") return;
    const seq = (this.#newest()?.seq ?? 0) + 0.5;
    this.#put({ ...entry, delivery: "refused", code, era: this.#era, seq });
  }

  /**
   * Takes what the room sent. The stream behind a room repeats itself after a failure; repeats are dropped.
   * @param {readonly Message[]} messages
   * @returns {number} how many of them were new and written elsewhere
   */
  receive(messages) {
    let fresh = 0;
    for (const { id, seq, user, name, message: text, at } of messages) {
      const known = this.#find(id);
      if (known?.user) continue;
      if (!known) fresh++;
      const mine = known?.mine ?? false;
      this.#put({ id, user, name, text, at, mine, code: "", delivery: "sent", ...this.#position(seq, at) });
    }
    return fresh;
  }

  /**
   * A seq that goes back in time while the clock goes on means that the room's log began anew: the laptop's is in
   * memory, and a page outlives a restart. What was there before then stays above.
   *
   * @param {number} seq @param {string} at
   */
  #position(seq, at) {
    const newest = this.#newest();
    if (newest && seq <= newest.seq && Date.parse(at) > Date.parse(newest.at) + CLOCK_SKEW) this.#era++;
    return { era: this.#era, seq };
  }

  #newest() {
    return this.#entries.findLast((entry) => entry.delivery === "sent" && entry.era === this.#era);
  }

  /** @param {string} id */
  #find(id) {
    return this.#entries.find((entry) => entry.id === id);
  }

  /** @param {Entry} entry - takes the place of the one with its id */
  #put(entry) {
    const others = this.#entries.filter((other) => other.id !== entry.id);
    this.#entries = [...others, entry].sort((a, b) => a.era - b.era || a.seq - b.seq).slice(-MOST_ENTRIES);
  }
}
