/**
 * @typedef {import("../../protocol/entries.js").Message} Message
 * @typedef {{from: number, to: number}} Range - of seqs, both ends included
 * @typedef {Range & {since: number}} Gap - missing seqs; `since`: when they were first known to be missing
 * @typedef {{type: "message", detail: Message} | {type: "lost", detail: Range}} Release
 */

/** How many ids are kept, to recognize a message that comes again under another seq. */
const MAX_IDS = 10_000;

/**
 * Puts one room's log in order. Above its base, each seq up to the head must come, be skipped, or be given up. The
 * buffer releases messages in order, each once. It knows no socket and no timer: `now` may be any clock's.
 */
export class SequenceBuffer {
  #head = 0;
  #next = Infinity; // Nothing can be released before begin().
  /** @type {Gap[]} disjoint, in order */
  #gaps = [];
  /** @type {Map<number, Message | Range | null>} what waits to be released, by its first seq; null: a skipped number */
  #waiting = new Map();
  /** @type {Set<string>} oldest first */
  #ids = new Set();

  /** The newest seq that is known to exist. */
  get head() {
    return this.#head;
  }

  /** @returns {number | undefined} the newest seq with nothing missing up to it; undefined before begin() */
  get contiguous() {
    if (this.#next === Infinity) return undefined;
    return (this.#gaps[0]?.from ?? this.#head + 1) - 1;
  }

  /** @returns {Readonly<Gap> | null} the first one */
  get gap() {
    return this.#gaps[0] ?? null;
  }

  /**
   * Expect every seq above `base` from now on. Entries that came before are sorted in.
   *
   * @param {number} base @param {number} now
   */
  begin(base, now) {
    const [head, waiting] = [this.#head, [...this.#waiting]];
    this.#waiting.clear();
    this.#head = base;
    this.#next = base + 1;
    for (const [seq, entry] of waiting) this.#put(seq, /** @type {Message | null} */ (entry), now);
    this.raiseHead(head, now);
  }

  /** @param {number} seq - exists in the room's log @param {number} now */
  raiseHead(seq, now) {
    if (seq <= this.#head) return;
    if (this.#next < Infinity) this.#gaps.push({ from: this.#head + 1, to: seq, since: now });
    this.#head = seq;
  }

  /** @param {Pick<import("../../protocol/entries.js").Run, "messages" | "skipped">} run - in any order, repeats allowed @param {number} now */
  add({ messages, skipped }, now) {
    for (const message of messages) this.#put(message.seq, message, now);
    for (const seq of skipped) this.#put(seq, null, now);
  }

  /** @param {number} seq @returns {boolean} true if take() has passed it */
  hasReleased(seq) {
    return seq < this.#next && this.#next < Infinity;
  }

  /** Give up the gaps up to `to`: nobody has these entries any more. @param {number} to */
  giveUp(to) {
    for (let gap; (gap = this.#gaps[0]) && gap.from <= to; ) {
      const lost = { from: gap.from, to: Math.min(gap.to, to) };
      this.#waiting.set(lost.from, lost);
      this.#shrink(0, lost);
    }
  }

  /** @returns {Release[]} what is in order now and was not released before */
  take() {
    /** @type {Release[]} */
    const released = [];
    for (let entry; (entry = this.#waiting.get(this.#next)) !== undefined; ) {
      this.#waiting.delete(this.#next);
      if (entry !== null && "from" in entry) {
        this.#next = entry.to + 1;
        released.push({ type: "lost", detail: entry });
        continue;
      }
      this.#next++;
      if (entry !== null && this.#isNew(entry.id)) released.push({ type: "message", detail: entry });
    }
    return released;
  }

  /** @param {number} seq @param {Message | null} entry @param {number} now */
  #put(seq, entry, now) {
    this.raiseHead(seq, now);
    if (this.#next === Infinity) return void this.#waiting.set(seq, entry);
    const index = this.#gaps.findIndex(({ from, to }) => from <= seq && seq <= to);
    if (index < 0) return; // It is a repeat, or older than the base.
    this.#waiting.set(seq, entry);
    this.#shrink(index, { from: seq, to: seq });
  }

  /** @param {number} index - of a gap @param {Range} part - of the gap, no longer missing */
  #shrink(index, { from, to }) {
    const [gap] = this.#gaps.splice(index, 1);
    if (!gap) return;
    const remaining = [{ ...gap, to: from - 1 }, { ...gap, from: to + 1 }];
    this.#gaps.splice(index, 0, ...remaining.filter((part) => part.from <= part.to));
  }

  /** @param {string} id */
  #isNew(id) {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size > MAX_IDS) this.#ids.delete(/** @type {string} */ (this.#ids.keys().next().value));
    return true;
  }
}
