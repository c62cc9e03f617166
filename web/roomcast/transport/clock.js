/**
 * Time in milliseconds. `now` counts from 1970, for what outlives the page: the user may set that clock, and it may be
 * wrong by hours. `elapsed` counts from any moment and only forwards, for intervals.
 *
 * @typedef {object} Clock
 * @property {() => number} now
 * @property {() => number} elapsed
 * @property {(action: () => void, delay: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 */

/** Milliseconds. A timer with a longer delay would fire at once. */
const MAX_TIMER = 2 ** 31 - 1;

/** @type {Clock} */
export const systemClock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  setTimeout: (action, delay) => setTimeout(action, Math.min(delay, MAX_TIMER)),
  clearTimeout: (timer) => clearTimeout(timer),
};

/** A promise took too long. */
export class TimedOut extends Error {}

/** @param {unknown} error @throws if it is another one */
export function ignoreTimeout(error) {
  if (!(error instanceof TimedOut)) throw error;
}

/**
 * Return what a promise resolves to.
 *
 * @template Result
 * @param {number} timeout - milliseconds @param {Result | Promise<Result>} promise @param {Clock} clock
 * @returns {Promise<Result>} rejects with TimedOut if it takes longer
 */
export function within(timeout, promise, clock) {
  /** @type {any} */
  let timer;
  const late = new Promise((_, reject) => (timer = clock.setTimeout(() => reject(new TimedOut()), timeout)));
  return Promise.race([promise, /** @type {Promise<never>} */ (late)]).finally(() => clock.clearTimeout(timer));
}
