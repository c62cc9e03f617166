const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const dayParts = /** @type {const} */ ({ month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });
const dayAndClock = new Intl.DateTimeFormat(undefined, dayParts);
const yearAndClock = new Intl.DateTimeFormat(undefined, { year: "numeric", ...dayParts });
const exactClock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

/** Return a time in the reader's time zone, without its day. @param {Date} when */
export const clockTime = (when) => clock.format(when);

/**
 * Return a time in the reader's time zone, with its day unless that is today, and its year unless it is this one.
 * @param {Date} when @param {Date} [now]
 */
export const shortTime = (when, now = new Date()) => formatOf(when, now, clock).format(when);

/** Return the same, to the second. @param {Date} when @param {Date} [now] */
export const exactTime = (when, now = new Date()) => formatOf(when, now, exactClock).format(when);

/** @param {Date} when @param {Date} now @param {Intl.DateTimeFormat} today - the format of today's times */
function formatOf(when, now, today) {
  if (when.toDateString() === now.toDateString()) return today;
  return when.getFullYear() === now.getFullYear() ? dayAndClock : yearAndClock;
}

const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

/** Return the whole date and time. @param {string} at - ISO 8601, from another user @returns {string} empty if it is no time */
export function wholeTime(at) {
  const when = new Date(at);
  return Number.isNaN(when.valueOf()) ? "" : calendar.format(when);
}
