/**
 * @typedef {{setTimeout: (action: () => void, delay: number) => any, clearTimeout: (timer: any) => void,
 *   now: () => number}} Clock - the browser's, or a test's; `now`: milliseconds since 1970
 */

/** @type {Clock} */
export const browserClock = {
  setTimeout: (action, delay) => setTimeout(action, delay),
  clearTimeout: (timer) => clearTimeout(timer),
  now: () => Date.now(),
};
