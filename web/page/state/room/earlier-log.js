import { GONE } from "./quotes.js";

/** @typedef {import("./timeline.js").Entry} Entry */

/** The code of a reply to a message that is not there any more. */
export const UNANSWERABLE = "invalid_message";

/**
 * Return an entry of an earlier log. By its old numbers, a reader would react to other messages, and quote and edit them.
 *
 * @template {Entry} Kind @param {Kind} entry @returns {Kind}
 */
export function withoutNumbers(entry) {
  if (entry.kind === "note") return entry;
  const { quote, delivery } = entry;
  if (!quote) return { ...entry, seq: 0 };
  const isKnown = quote.state === "there" || quote.state === "deleted";
  const unanswerable = delivery === "failed" && { code: UNANSWERABLE }; // Sent again, it would answer another message.
  return { ...entry, ...unanswerable, seq: 0, replyTo: 0, quote: isKnown ? quote : GONE };
}
