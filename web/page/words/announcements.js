import { cut } from "../text/graphemes.js";
import { explainFailure } from "./messages/errors.js";

/** In characters as a reader sees them. A longer text would be read out for minutes. */
const MAX_READ = 200;
/** Names in one line. */
const MAX_NAMES = 2;

/** @param {{name: string, text: string}} message @returns {string} what is read out of a single message */
export const messageAnnouncement = ({ name, text }) => `${name}: ${cut(text, MAX_READ)}`;

/** @param {readonly {name: string}[]} messages @returns {string} what is read out of several */
export function summaryAnnouncement(messages) {
  const names = [...new Set(messages.map(({ name }) => name))];
  const named = names.slice(0, names.length > MAX_NAMES + 1 ? MAX_NAMES : MAX_NAMES + 1);
  const more = names.length - named.length;
  const last = more > 0 ? `${more} more` : named.length > 1 ? named.pop() : "";
  return `${messages.length} new messages, from ${named.join(", ")}${last ? ` and ${last}` : ""}`;
}

/** @param {{code: string, replyTo: number}} message - of the user, which failed @returns {string} */
export const failureAnnouncement = ({ code, replyTo }) => `Not sent: ${explainFailure(code, replyTo > 0)}`;
