/** Resolves when every promise has settled that needs no time, with those that depend on it. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

const START = Date.UTC(2026, 0, 1);

/** A clock that a test moves. Timers fire in order; after each, every promise settles that needs no time. */
export class FakeTime {
  #now = 0;
  #ahead = 0;
  #timers = new Map();
  #last = 0;
  /** @type {{id: number, at: number}[]} a heap, the next timer first; a cleared one stays until its time */
  #heap = [];

  now = () => START + this.#now + this.#ahead;
  elapsed = () => this.#now;

  setTimeout = (action, delay = 0) => {
    const timer = { id: ++this.#last, at: this.#now + Math.max(0, delay) };
    this.#timers.set(timer.id, action);
    this.#push(timer);
    return timer.id;
  };

  clearTimeout = (id) => void this.#timers.delete(id);

  /** @returns {Promise<void>} resolves so many milliseconds later */
  later(milliseconds) {
    return new Promise((resolve) => this.setTimeout(resolve, milliseconds));
  }

  /** Set the clock, as a user does: no timer and no interval changes. */
  setForward(milliseconds) {
    this.#ahead += milliseconds;
  }

  /** How many timers are waiting. */
  get waiting() {
    return this.#timers.size;
  }

  /** Milliseconds until the next timer. */
  get untilNext() {
    while (this.#heap.length && !this.#timers.has(this.#heap[0].id)) this.#pop();
    return this.#heap.length ? this.#heap[0].at - this.#now : Infinity;
  }

  async pass(milliseconds) {
    const end = this.#now + milliseconds;
    await settled();
    while (this.untilNext <= end - this.#now) {
      const { id, at } = this.#pop();
      const action = this.#timers.get(id);
      this.#timers.delete(id);
      this.#now = at;
      action();
      await settled();
    }
    this.#now = end;
  }

  #push(timer) {
    const heap = this.#heap;
    let index = heap.push(timer) - 1;
    for (let parent; index > 0; index = parent) {
      parent = (index - 1) >> 1;
      if (!sooner(timer, heap[parent])) break;
      heap[index] = heap[parent];
    }
    heap[index] = timer;
  }

  #pop() {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length === 0) return first;
    let index = 0;
    for (let child; (child = 2 * index + 1) < heap.length; index = child) {
      if (child + 1 < heap.length && sooner(heap[child + 1], heap[child])) child++;
      if (!sooner(heap[child], last)) break;
      heap[index] = heap[child];
    }
    heap[index] = last;
    return first;
  }
}

const sooner = (one, other) => one.at < other.at || (one.at === other.at && one.id < other.id);

/** Return a generator of numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
