/** Calls `beat` when it is due. Looks at least once per `interval`, which costs nothing, and so finds that it slept. */
export class Heartbeat {
  /** @type {any} */
  #timer = null;
  #interval;
  #dueAt;
  #beat;
  #onWake;
  #clock;

  /**
   * @param {number} interval - milliseconds between two looks, and at least between two beats
   * @param {{dueAt: () => number, beat: () => void, onWake: () => void, clock: import("./clock.js").Clock}} tools -
   *   `dueAt`: when the next beat is due; it may become earlier, but only by activity, and then by `interval` after
   *   that at the earliest. `onWake`: timers stood still, as while a laptop's lid was closed
   */
  constructor(interval, { dueAt, beat, onWake, clock }) {
    this.#interval = interval;
    this.#dueAt = dueAt;
    this.#beat = beat;
    this.#onWake = onWake;
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
    const clock = this.#clock;
    const began = { now: clock.now(), elapsed: clock.elapsed() };
    this.#timer = clock.setTimeout(() => {
      // Whether `elapsed` counts a device's sleep depends on the browser. A hidden page's timers are up to a minute late.
      const late = Math.max(clock.now() - began.now, clock.elapsed() - began.elapsed) - delay;
      const remaining = this.#dueAt() - clock.elapsed();
      if (late >= this.#interval) this.#onWake();
      else if (remaining <= 0) this.#beat();
      this.#wait(remaining > 0 ? Math.min(Math.ceil(remaining), this.#interval) : this.#interval);
    }, delay);
  }
}
