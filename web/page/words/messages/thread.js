import { shortTime } from "../time.js";

export const THREAD = "Thread";

const number = new Intl.NumberFormat("en");

/** @param {number} replies @returns {string} */
const repliesText = (replies) => (replies === 1 ? "1 reply" : `${number.format(replies)} replies`);

/** @param {number} replies @param {string} [lastAt] - ISO 8601; empty if the last one is not loaded */
export const threadText = (replies, lastAt) => {
  return repliesText(replies) + (lastAt ? ` · last at ${shortTime(new Date(lastAt))}` : "");
};
