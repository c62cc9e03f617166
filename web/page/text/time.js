const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const dayAndClock = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "numeric",
  minute: "2-digit",
});
const exactClock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

/** Return a time in the reader's time zone, with its day unless that is today. @param {Date} when @param {Date} [now] */
export const shortTime = (when, now) => (isToday(when, now) ? clock : dayAndClock).format(when);

/** Return the same, to the second. @param {Date} when @param {Date} [now] */
export const exactTime = (when, now) => (isToday(when, now) ? exactClock : dayAndClock).format(when);

/**
 * Return a function that calls back if a new day has begun since the last call. To be called now and then: a timer set
 * for midnight would be late in a computer that slept.
 *
 * @param {() => void} onNewDay @param {() => Date} [now] @returns {() => void}
 */
export function watchDays(onNewDay, now = () => new Date()) {
  let today = now();
  return () => {
    if (isToday(today, now())) return;
    today = now();
    onNewDay();
  };
}

/** @param {Date} when @param {Date} [now] */
const isToday = (when, now = new Date()) => when.toDateString() === now.toDateString();
