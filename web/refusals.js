/** What a person can be told about each code: the protocol's (some of them for later servers), and socket.js's two. */
const SENTENCES = new Map([
  ["rate_limited", "You are writing faster than this room allows. Wait a moment."],
  ["message_too_large", "This message is too long."],
  ["invalid_message", "This message contains something that cannot be sent."],
  ["invalid_room", "There can be no room of this name."],
  ["not_a_member", "You are not in this room any more."],
  ["forbidden", "You may not write in this room."],
  ["unanswered", "Nobody answered. Check your connection."],
  ["closed", "You are not connected."],
]);

/** Refusals that the same message would get again. */
const FINAL = new Set(["message_too_large", "invalid_message", "invalid_ref"]);

/** @param {string} code */
export const isFinal = (code) => FINAL.has(code);

/** @param {string} code @returns {string} a plain sentence, for codes of later servers too */
export const sentenceFor = (code) => SENTENCES.get(code) ?? "Something went wrong on the way.";
