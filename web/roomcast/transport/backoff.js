/**
 * Pauses between tries: each a random part of a bound that doubles. Full jitter, so that all whom one outage cut off do
 * not return at once (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 */
export class Backoff {
  #tries = 0;
  #random;
  #first;
  #longest;

  /** @param {() => number} random @param {{first?: number, longest?: number}} [bounds] in milliseconds */
  constructor(random, { first = 500, longest = 30_000 } = {}) {
    this.#random = random;
    this.#first = first;
    this.#longest = longest;
  }

  /** @returns {number} milliseconds */
  next() {
    return this.#random() * Math.min(this.#longest, this.#first * 2 ** this.#tries++);
  }

  reset() {
    this.#tries = 0;
  }
}
