import { shortTime } from "./time.js";

const weekday = new Intl.DateTimeFormat("en", { weekday: "long" });
const month = new Intl.DateTimeFormat("en", { month: "long" });

/** Return the name of a day in the reader's time zone, as it is called now. @param {Date} when @param {Date} now */
export function dayText(when, now) {
  if (isSameDay(when, now)) return "Today";
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (isSameDay(when, yesterday)) return "Yesterday";
  const year = when.getFullYear() === now.getFullYear() ? "" : ` ${when.getFullYear()}`;
  return `${weekday.format(when)} ${when.getDate()} ${month.format(when)}${year}`;
}

/** @param {number} count - of new messages @param {Date | null} since - null if it is not known @param {Date} now */
export const newText = (count, since, now) => `${count} new${since ? ` since ${shortTime(since, now)}` : ""}`;

/** @param {Date} one @param {Date} other */
const isSameDay = (one, other) => one.toDateString() === other.toDateString();
