/** Milliseconds. A stored deletion cannot be undone, so each is sent only after this time. */
export const UNDO_TIME = 5_000;

/**
 * The deletions that their user may still undo. Who leaves the room or the page meanwhile has them sent: they have read
 * "Deleted", and what was to be deleted must not stay for others to see.
 */
export class Deletions {
  /** @type {Map<string, {seq: number, timer: any}>} by id of the message */
  #waiting = new Map();
  #send;
  #onChange;
  #clock;

  /**
   * @param {(seq: number) => void} send @param {(id: string, undoable: boolean) => void} onChange
   * @param {{setTimeout: (action: () => void, delay: number) => any, clearTimeout: (timer: any) => void}} [clock]
   */
  constructor(send, onChange, clock = globalThis) {
    this.#send = send;
    this.#onChange = onChange;
    this.#clock = clock;
  }

  /** @param {{id: string, seq: number}} message */
  begin({ id, seq }) {
    if (this.#waiting.has(id)) return;
    this.#waiting.set(id, { seq, timer: this.#clock.setTimeout(() => this.#finish(id), UNDO_TIME) });
    this.#onChange(id, true);
  }

  /** @param {string} id - of the message, which stays */
  undo(id) {
    if (this.#take(id)) this.#onChange(id, false);
  }

  /** Send what waits, now. */
  flush() {
    for (const id of [...this.#waiting.keys()]) this.#finish(id);
  }

  /** The room has a new log. The numbers are other messages' from now on. */
  reset() {
    for (const id of [...this.#waiting.keys()]) this.undo(id);
  }

  /** @param {string} id */
  #finish(id) {
    const waiting = this.#take(id);
    if (!waiting) return;
    this.#send(waiting.seq);
    this.#onChange(id, false);
  }

  /** @param {string} id */
  #take(id) {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    this.#clock.clearTimeout(waiting?.timer);
    return waiting;
  }
}
