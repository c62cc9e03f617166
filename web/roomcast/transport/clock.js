/**
 * Time in milliseconds. `now` counts from 1970, as Date.now does, because times are also stored over a page reload.
 *
 * @typedef {{now(): number, setTimeout(action: () => void, delay: number): any, clearTimeout(timer: any): void}} Clock
 */

/** @type {Clock} */
export const systemClock = {
  now: () => Date.now(),
  setTimeout: (action, delay) => setTimeout(action, delay),
  clearTimeout: (timer) => clearTimeout(timer),
};
