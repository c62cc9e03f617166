/**
 * @typedef {import("../../state/history/room-history.js").Earlier} Earlier
 * @typedef {import("../../../roomcast.js").ConnectionState} ConnectionState
 */

/** What stands above the oldest message. @type {Record<Earlier, string>} */
export const EARLIER = {
  joining: "",
  more: "Show earlier messages",
  loading: "Loading earlier messages…",
  start: "This is where the history begins.",
  failed: "Earlier messages could not be loaded.",
  absent: "",
};

/** Why nothing comes, if nothing is being loaded. @type {Partial<Record<ConnectionState, string>>} */
const SILENCE = {
  offline: "You are offline. Messages come when you are back.",
  unreachable: "This chat does not let you in, or is not there.",
  closed: "You are not connected.",
};

export const LOADING = "Loading messages…";

/** Return why nothing comes; empty if something may. @param {ConnectionState} connection */
export const silenceText = (connection) => SILENCE[connection] ?? "";

/** @param {number} unseen - messages of others @returns {string} what the button to the newest message says */
export const newestText = (unseen) =>
  unseen === 0 ? "To the newest message" : unseen === 1 ? "1 new message" : `${unseen} new messages`;
