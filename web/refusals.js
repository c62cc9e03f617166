/** What a person can be told about each code of a message: the protocol's, and the library's own four at the end. */
const SENTENCES = new Map([
  ["message_too_large", "This message is too long."],
  ["invalid_message", "This message contains something that cannot be sent."],
  ["invalid_room", "There can be no room of this name."],
  ["not_a_member", "You are not in this room any more."],
  ["forbidden", "You may not write in this room."],
  ["rate_limited", "You are writing faster than this room allows. Wait a moment."],
  ["queue_full", "Too many messages are waiting to be sent. Wait until you are connected."],
  ["expired", "It has waited for a day. Do you still want to say it?"],
  ["left", "You left this room before it could be sent."],
  ["closed", "You are not connected."],
]);

/** Refusals that the same message would get again. */
const FINAL = new Set(["message_too_large", "invalid_message", "invalid_ref"]);

/** Why one is not in a room. */
const OUTSIDE = new Map([
  ["invalid_room", "There can be no room of this name."],
  ["forbidden", "You may not enter this room."],
]);

/** @param {string} code */
export const isFinal = (code) => FINAL.has(code);

/** @param {string} code @returns {string} a plain sentence, for codes of later servers too */
export const sentenceFor = (code) => SENTENCES.get(code) ?? "Something went wrong on the way.";

/** @param {string} code @returns {string} a plain sentence */
export const whyOutside = (code) => OUTSIDE.get(code) ?? "You are not in this room.";
