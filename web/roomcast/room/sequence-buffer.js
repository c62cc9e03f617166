/**
 * @typedef {import("../protocol/frames.js").Message} Message
 * @typedef {{from: number, to: number}} Gap - both ends included
 * @typedef {Gap & {since: number}} Hole - `since`: when it was first known to be missing
 * @typedef {{type: "message", detail: Message} | {type: "lost", detail: Gap}} Release
 */

/** How many ids are remembered to know a message again that came under a second seq. */
const IDS = 10_000;
/** How many changes, to know an older copy. */
const CHANGES = 1_000;

/**
 * What one has of a room's log, and what is missing: above its base, every place up to the newest that is known must
 * come, be void, or be given up. Hands the messages out in order, each once. It knows no socket and no timer; `now` is
 * any clock's.
 */
export class Ledger {
  #head = 0;
  #next = Infinity; // Nothing can be handed out before it has begun.
  /** @type {Hole[]} apart from each other, in order */
  #missing = [];
  /** @type {Map<number, Message | Gap | null>} what waits to be handed out, by its first seq; null is a void */
  #waiting = new Map();
  /** @type {Set<string>} the oldest first */
  #ids = new Set();
  /** @type {Map<number, Message>} messages that are not what they were, by seq; the oldest change first */
  #changes = new Map();

  /** The newest seq that is known to exist. */
  get head() {
    return this.#head;
  }

  /** @returns {number | undefined} the newest seq up to which nothing is missing, once it has begun */
  get contiguous() {
    if (this.#next === Infinity) return undefined;
    return (this.#missing[0]?.from ?? this.#head + 1) - 1;
  }

  /** @returns {Readonly<Hole> | null} the first one */
  get hole() {
    return this.#missing[0] ?? null;
  }

  /**
   * From now on everything above `base` is awaited; what was added before is looked through again.
   *
   * @param {number} base @param {number} now
   */
  begin(base, now) {
    const [head, waiting] = [this.#head, [...this.#waiting]];
    this.#waiting.clear();
    this.#head = base;
    this.#next = base + 1;
    for (const [seq, place] of waiting) this.#put(seq, /** @type {Message | null} */ (place), now);
    this.raise(head, now);
  }

  /** Takes note that the room has come to `seq`. @param {number} seq @param {number} now */
  raise(seq, now) {
    if (seq <= this.#head) return;
    if (this.#next < Infinity) this.#missing.push({ from: this.#head + 1, to: seq, since: now });
    this.#head = seq;
  }

  /** @param {import("../protocol/frames.js").Run} run - in any order, with any repeats @param {number} now */
  add({ messages, skipped }, now) {
    for (const message of messages) this.#put(message.seq, message, now);
    for (const seq of skipped) this.#put(seq, null, now);
  }

  /**
   * Takes note that a message is not what it was. An older copy that comes later counts for nothing.
   *
   * @param {Message} message - as it is now @param {number} now
   * @returns {boolean} whether it may have been shown before
   */
  change(message, now) {
    const { seq } = message;
    this.#changes.set(seq, message);
    if (this.#changes.size > CHANGES) this.#changes.delete(/** @type {number} */ (this.#changes.keys().next().value));
    this.#put(seq, message, now); // It may be the first copy of it.
    return seq < this.#next && this.#next < Infinity;
  }

  /** @param {Message} message @returns {Message} the newest copy of it */
  latest(message) {
    return this.#changes.get(message.seq) ?? message;
  }

  /** Gives up what is missing up to `to`: nobody will have it any more. @param {number} to */
  abandon(to) {
    for (let hole; (hole = this.#missing[0]) && hole.from <= to; ) {
      const gap = { from: hole.from, to: Math.min(hole.to, to) };
      this.#waiting.set(gap.from, gap);
      this.#shrink(0, gap);
    }
  }

  /** @returns {Release[]} what can be shown by now and was not handed out before */
  take() {
    /** @type {Release[]} */
    const released = [];
    for (let place; (place = this.#waiting.get(this.#next)) !== undefined; ) {
      this.#waiting.delete(this.#next);
      if (place !== null && "from" in place) {
        this.#next = place.to + 1;
        released.push({ type: "lost", detail: place });
        continue;
      }
      this.#next++;
      if (place !== null && this.#isNew(place.id)) released.push({ type: "message", detail: this.latest(place) });
    }
    return released;
  }

  /** @param {number} seq @param {Message | null} place @param {number} now */
  #put(seq, place, now) {
    this.raise(seq, now);
    if (this.#next === Infinity) return void this.#waiting.set(seq, place);
    const index = this.#missing.findIndex(({ from, to }) => from <= seq && seq <= to);
    if (index < 0) return; // a repeat, or older than the base
    this.#waiting.set(seq, place);
    this.#shrink(index, { from: seq, to: seq });
  }

  /** @param {number} index @param {Gap} part - of the hole there, that is missing no longer */
  #shrink(index, { from, to }) {
    const [hole] = this.#missing.splice(index, 1);
    if (!hole) return;
    const rest = [{ ...hole, to: from - 1 }, { ...hole, from: to + 1 }];
    this.#missing.splice(index, 0, ...rest.filter((part) => part.from <= part.to));
  }

  /** @param {string} id */
  #isNew(id) {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size > IDS) this.#ids.delete(/** @type {string} */ (this.#ids.values().next().value));
    return true;
  }
}
