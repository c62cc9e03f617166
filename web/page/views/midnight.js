/** Milliseconds. A computer that slept through midnight notices so late: its timers slept, too. */
const LATEST = 60_000;

/**
 * Call back when a new day begins.
 *
 * @param {() => void} onNewDay
 * @param {{now: () => Date, timers: Pick<typeof globalThis, "setTimeout">, page: EventTarget}} [surroundings] - `page`
 *   dispatches `visibilitychange`
 */
export function watchDays(onNewDay, { now, timers, page } = { now: () => new Date(), timers: globalThis, page: document }) {
  let today = now().toDateString();
  const check = () => {
    const isOver = now().toDateString() !== today;
    today = now().toDateString();
    if (isOver) onNewDay();
  };
  const plan = () => {
    const time = now();
    const midnight = new Date(time.getFullYear(), time.getMonth(), time.getDate() + 1);
    timers.setTimeout(() => {
      check();
      plan();
    }, Math.min(LATEST, midnight.valueOf() - time.valueOf()));
  };
  page.addEventListener("visibilitychange", check);
  plan();
}
