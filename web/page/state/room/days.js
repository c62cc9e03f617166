import { dayText, newText } from "../../words/days.js";

/**
 * @typedef {import("./timeline.js").Entry} Entry
 * @typedef {import("./reading.js").Mark} Mark
 * @typedef {{kind: "day" | "new", id: string, text: string}} Divider - `day` stands before a day's first message, `new`
 *   before the first message that others have sent since the reader was away
 * @typedef {Entry | Divider} Item
 */

// No message has such an id: a ref has no control characters.
const DAY = "\0day ";
const NEW = "\0new";

/**
 * Return the entries with dividers among them.
 *
 * @param {readonly Entry[]} entries @param {{now: Date, mark: Mark | null}} reader - `mark`: null if nothing is new
 * @returns {Item[]}
 */
export function withDividers(entries, { now, mark }) {
  const { first, count } = mark ? newsAfter(mark.seq, entries) : { first: undefined, count: 0 };
  /** @type {Item[]} */
  const items = [];
  let end = ""; // of the day, as messages have their times: thousands of them are compared at each drawing
  for (const entry of entries) {
    if (entry.kind === "message" && entry.at >= end) {
      const when = new Date(entry.at);
      if (!Number.isNaN(when.valueOf())) {
        end = new Date(when.getFullYear(), when.getMonth(), when.getDate() + 1).toISOString();
        items.push({ kind: "day", id: DAY + end, text: dayText(when, now) });
      }
    }
    if (entry === first) items.push({ kind: "new", id: NEW, text: newText(count, mark?.since ?? null, now) });
    items.push(entry);
  }
  return items;
}

/**
 * Return the first of the messages that others have sent after a number, and how many there are.
 *
 * @param {number} seq @param {readonly Entry[]} entries
 * @returns {{first: Entry | undefined, count: number}}
 */
export function newsAfter(seq, entries) {
  let [first, count] = [/** @type {Entry | undefined} */ (undefined), 0];
  for (let index = entries.length - 1; index >= 0; index--) {
    const entry = entries[index];
    if (entry?.kind !== "message" || entry.seq === 0) continue;
    if (entry.seq <= seq) break;
    if (entry.mine || entry.deleted) continue;
    [first, count] = [entry, count + 1];
  }
  return { first, count };
}
