/** Calls `beat` after each `interval` without activity. */
export class Heartbeat {
  /** @type {any} */
  #timer = null;
  #interval;
  #lastActivityAt;
  #beat;
  #clock;

  /**
   * @param {number} interval - milliseconds
   * @param {() => number} lastActivityAt - of whatever has been silent for longest
   * @param {() => void} beat @param {import("./clock.js").Clock} clock
   */
  constructor(interval, lastActivityAt, beat, clock) {
    this.#interval = interval;
    this.#lastActivityAt = lastActivityAt;
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
      const remaining = this.#lastActivityAt() + this.#interval - this.#clock.elapsed();
      if (remaining <= 0) this.#beat();
      this.#wait(remaining > 0 ? Math.ceil(remaining) : this.#interval);
    }, delay);
  }
}
