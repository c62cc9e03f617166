/**
 * Random delays between retries. Each is a random part of a bound that doubles per retry ("full jitter"), so that the
 * clients of one outage do not all return at once
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 */
export class Backoff {
  #retries = 0;
  #random;
  #first;
  #max;

  /** @param {() => number} random @param {{first?: number, max?: number}} [bounds] - in milliseconds */
  constructor(random, { first = 500, max = 30_000 } = {}) {
    this.#random = random;
    this.#first = first;
    this.#max = max;
  }

  /** @returns {number} milliseconds */
  next() {
    return this.#random() * Math.min(this.#max, this.#first * 2 ** this.#retries++);
  }

  reset() {
    this.#retries = 0;
  }
}
