/** Calls `beat` when something has not been heard for as long as `interval`; `heardAt` says when that was. */
export class Heartbeat {
  /** @type {any} */
  #timer = null;
  #interval;
  #heardAt;
  #beat;
  #clock;

  /**
   * @param {number} interval - milliseconds @param {() => number} heardAt - of what was not heard for longest
   * @param {() => void} beat @param {import("./clock.js").Clock} clock
   */
  constructor(interval, heardAt, beat, clock) {
    this.#interval = interval;
    this.#heardAt = heardAt;
    this.#beat = beat;
    this.#clock = clock;
  }

  start() {
    this.stop();
    this.#wait(this.#interval);
  }

  stop() {
    this.#clock.clearTimeout(this.#timer);
  }

  /** @param {number} delay */
  #wait(delay) {
    this.#timer = this.#clock.setTimeout(() => {
      const left = this.#heardAt() + this.#interval - this.#clock.now();
      if (left <= 0) this.#beat();
      // Bounded from above, too: a computer's clock may be set back.
      this.#wait(left > 0 ? Math.min(left, this.#interval) : this.#interval);
    }, delay);
  }
}
