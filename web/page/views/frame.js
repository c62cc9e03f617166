/** Milliseconds between two drawings where there are no frames: a hidden tab has none, and its title has to count. */
const WITHOUT_FRAMES = 200;

/** Draws each view at most once a frame, however many changes come in between. */
export class Frame {
  /** @type {Map<object, () => void>} what to draw, by view: the newest counts */
  #due = new Map();
  #isPlanned = false;
  #timers;

  /** @param {Pick<typeof globalThis, "requestAnimationFrame" | "cancelAnimationFrame" | "setTimeout" | "clearTimeout">} [timers] */
  constructor(timers = globalThis) {
    this.#timers = timers;
  }

  /** Draw the view in the next frame. @param {object} view @param {() => void} draw */
  ask(view, draw) {
    this.#due.set(view, draw);
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    const timers = this.#timers;
    const run = () => {
      timers.cancelAnimationFrame(frame);
      timers.clearTimeout(timer);
      this.#draw();
    };
    const frame = timers.requestAnimationFrame(run);
    const timer = timers.setTimeout(run, WITHOUT_FRAMES);
  }

  #draw() {
    const due = [...this.#due.values()];
    this.#due.clear();
    this.#isPlanned = false; // Before the drawings: they may ask for the next frame.
    for (const draw of due) draw();
  }
}
