import { exactTime } from "../time.js";

/**
 * @param {import("../../state/room/timeline.js").MessageEntry} message
 * @returns {string} why the user's message, or change of a message, is not stored yet; empty if there is nothing to say.
 *   A message without a time waits only while there is no connection.
 */
export function deliveryText({ delivery, changing, waitsUntil, isSlow }) {
  if (delivery !== "sending") return changing ? WAITING : "";
  if (!waitsUntil) return WAITING;
  return `${isSlow ? "Slow mode" : "Too fast"}: at ${exactTime(waitsUntil)}`;
}

const WAITING = "Waiting for the connection…";
