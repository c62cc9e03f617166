/** What a person can be told about each code of a message: the protocol's, the page's own, and the library's. */
const SENTENCES = new Map([
  ["message_too_large", "This message is too long."],
  ["invalid_message", "This message contains something that cannot be sent."],
  ["invalid_room", "There can be no room of this name."],
  ["not_a_member", "You are not in this room any more."],
  ["forbidden", "You may not write in this room, or not now."],
  ["room_locked", "This room is locked: nobody can write."],
  ["muted", "A moderator has muted you in this room for a while."],
  ["rate_limited", "You are writing faster than this room allows. Wait a moment."],
  ["queue_full", "Too many messages are waiting to be sent. Wait until you are connected."],
  ["expired", "It has waited for a day. Do you still want to say it?"],
  ["banned", "You were sent out of this room before it could be sent."],
  ["left", "You left this room before it could be sent."],
  ["closed", "You are not connected."],
]);

/** Refusals that the same message would get again. */
const FINAL = new Set(["message_too_large", "invalid_message", "invalid_ref"]);

/** Why one is not in a room. */
const OUTSIDE = new Map([
  ["invalid_room", "There can be no room of this name."],
  ["forbidden", "You may not enter this room, or not now."],
  ["banned", "A moderator sent you out of this room."],
  ["closed", "You are not connected."],
]);

/** Why a moderator's act is not done. */
const NOT_DONE = new Map([
  ["forbidden", "Only a moderator can do that."],
  ["invalid_message", "There is no such message any more."],
]);

/** @param {string} code */
export const isFinal = (code) => FINAL.has(code);

/** @param {string} code @returns {string} a plain sentence, for codes of later servers too */
export const sentenceFor = (code) => SENTENCES.get(code) ?? "Something went wrong on the way.";

/** @param {string} code @returns {string} a plain sentence */
export const whyOutside = (code) => OUTSIDE.get(code) ?? "You are not in this room.";

/** @param {string} code @returns {string} a plain sentence */
export const whyNotDone = (code) => NOT_DONE.get(code) ?? "That could not be done.";
