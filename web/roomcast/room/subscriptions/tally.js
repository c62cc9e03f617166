/** How many numbers are remembered. */
const MAX_COUNTED = 2_000;

/** The numbers of a room's messages, as they were released. It counts those that follow a number. */
export class Tally {
  /** @type {number[]} ascending */
  #seqs = [];

  /** @param {number} seq - of the room's next message */
  add(seq) {
    this.#seqs.push(seq);
    if (this.#seqs.length > MAX_COUNTED) this.#seqs.splice(0, MAX_COUNTED / 2);
  }

  /** Numbers are missing, or belong to another log. */
  clear() {
    this.#seqs = [];
  }

  /** @param {number} seq @returns {number | undefined} how many messages follow; undefined if it is not known here */
  after(seq) {
    const [first] = this.#seqs;
    if (first === undefined || seq < first - 1) return undefined;
    return this.#seqs.length - (this.#seqs.findLastIndex((each) => each <= seq) + 1);
  }
}
