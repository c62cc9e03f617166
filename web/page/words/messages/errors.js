/** Why a message was not sent, by code: the protocol's, the page's own, and the library's. */
const FAILURES = new Map([
  ["message_too_large", "This message is too long."],
  ["invalid_message", "This message contains something that cannot be sent."],
  ["invalid_room", "This is not a valid name of a room."],
  ["not_a_member", "You are not in this room any more."],
  ["forbidden", "You may not write in this room, or not now."],
  ["room_locked", "This room is locked: nobody can write."],
  ["muted", "A moderator has muted you in this room for a while."],
  ["rate_limited", "You are writing faster than this room allows. Wait a moment."],
  ["queue_full", "Too many messages are waiting to be sent. Wait until you are connected."],
  ["expired", "It has waited for a day. Do you still want to send it?"],
  ["banned", "You were banned from this room before it could be sent."],
  ["left", "You left this room before it could be sent."],
  ["closed", "You are not connected."],
]);

/** Why a reply was not sent, by code, where that is not why another message would not. */
const REPLY_FAILURES = new Map([
  ["invalid_message", "The message that this one answers is not there any more."],
]);

/** Errors that the same message would get again. */
const FINAL = new Set(["message_too_large", "invalid_message", "invalid_ref"]);

/** Why the user is not in a room, by code. */
const ABSENCES = new Map([
  ["invalid_room", "This is not a valid name of a room."],
  ["forbidden", "You may not enter this room, or not now."],
  ["banned", "A moderator banned you from this room."],
  ["closed", "You are not connected."],
]);

/** Why a moderator's action failed, by code. */
const MODERATION_FAILURES = new Map([
  ["forbidden", "Only a moderator can do that."],
]);

/** What was not done, by the action. */
const CHANGES = {
  edit: "Your edit was not saved.",
  delete: "The message was not deleted.",
  react: "Your reaction was not saved.",
};

/** Why a change failed, by code, where that is not why a message would have. */
const CHANGE_FAILURES = new Map([
  ["forbidden", "You may not do that here, or not now."],
  ["invalid_message", "There is no such message any more, or it cannot be changed so."],
  ["expired", "It has waited for a day."],
]);

/** @param {string} code */
export const isFinal = (code) => FINAL.has(code);

/**
 * @param {string} code @param {boolean} [isReply] - the message answers another one
 * @returns {string} a plain sentence, also for an unknown code
 */
export const explainFailure = (code, isReply = false) => {
  return (isReply && REPLY_FAILURES.get(code)) || (FAILURES.get(code) ?? "Something went wrong on the way.");
};

/** @param {string} code @returns {string} a plain sentence */
export const explainAbsence = (code) => ABSENCES.get(code) ?? "You are not in this room.";

/** @param {number} milliseconds - until the user may come back @returns {string} empty if that is long */
export function returnText(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  if (seconds > 3600) return "";
  return ` You are let in again in ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}.`;
}

/** @param {"edit" | "delete" | "react"} action @param {string} code @returns {string} plain sentences */
export const explainChangeFailure = (action, code) => {
  return `${CHANGES[action]} ${CHANGE_FAILURES.get(code) ?? explainFailure(code)}`;
};

/** @param {string} code @returns {string} a plain sentence */
export const explainModerationFailure = (code) => MODERATION_FAILURES.get(code) ?? "That could not be done.";
