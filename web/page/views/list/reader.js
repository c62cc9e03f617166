/** Milliseconds that a message is in view until it counts as read. */
const READ = 1_000;

/**
 * The reader in front of the window. Dispatches `attention` (detail: true if they are here), `look` (detail: the seq of the
 * newest message that they have in view) and `seen` (detail: the same, after a second).
 */
export class Reader extends EventTarget {
  /** True if the window is visible and has the focus: one on a second screen has not. */
  isHere = isHere();
  #inView = 0; // the seq of the newest message in view, though nobody may look
  #looked = 0;
  #seen = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  constructor() {
    super();
    for (const type of ["focus", "blur"]) addEventListener(type, () => this.#onAttention());
    document.addEventListener("visibilitychange", () => this.#onAttention());
  }

  /** Another room is in view. */
  reset() {
    this.#inView = this.#looked = this.#seen = 0;
    this.#stop();
  }

  /** @param {number} seq - of the newest message that is in view; 0 if none is */
  look(seq) {
    this.#inView = seq;
    if (!this.isHere) return;
    if (seq > this.#looked) this.#tell("look", (this.#looked = seq));
    if (seq > this.#seen) this.#timer ??= setTimeout(() => this.#see(seq), READ);
  }

  /** @param {number} seq - that came into view a second ago */
  #see(seq) {
    this.#stop();
    const seen = Math.min(seq, this.#looked);
    if (seen > this.#seen) this.#tell("seen", (this.#seen = seen));
    this.look(this.#inView);
  }

  #onAttention() {
    if (isHere() === this.isHere) return;
    this.isHere = isHere();
    this.#stop();
    this.#tell("attention", this.isHere);
    this.look(this.#inView);
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** @param {string} type @param {unknown} detail */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function isHere() {
  return document.hasFocus() && !document.hidden;
}
