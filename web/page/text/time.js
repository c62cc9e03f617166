const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const dayAndClock = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "numeric",
  minute: "2-digit",
});
const exactClock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

/** Return a time in the reader's time zone, with its day unless that is today. @param {Date} when */
export const shortTime = (when) => (isToday(when) ? clock : dayAndClock).format(when);

/** Return the same, to the second. @param {Date} when */
export const exactTime = (when) => (isToday(when) ? exactClock : dayAndClock).format(when);

/** @param {Date} when */
const isToday = (when) => when.toDateString() === new Date().toDateString();
