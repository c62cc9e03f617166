import { shortened } from "../text/names.js";
import { shortTime } from "./time.js";

/**
 * @typedef {import("../../roomcast.js").Person} Person
 * @typedef {import("../../roomcast.js").Moderated} Moderated
 * @typedef {import("../../roomcast.js").Rules} Rules
 */

/** What stands where messages are missing for good. */
export const LOST = "Some messages could not be loaded.";
/** What stands between the messages of two logs. */
export const RESET = "This room's history begins again here.";

const number = new Intl.NumberFormat("en");

/** @param {{count: number, approximate: boolean}} members @returns {string} */
export const countText = ({ count, approximate }) => `${approximate ? "about " : ""}${number.format(count)} here`;

/** @param {readonly (Person & {tag: string})[]} people - who are typing now @returns {string} empty if nobody is */
export function typingText(people) {
  const [first, second] = people.map(({ name, tag }) => shortened(name) + (tag && ` (${tag})`));
  if (people.length > 2) return "Several people are writing…";
  if (people.length > 1) return `${first} and ${second} are writing…`;
  return first === undefined ? "" : `${first} is writing…`;
}

/**
 * @param {Moderated} moderated @param {string} name - of the banned or muted user, or "you"
 * @param {number} [cameAt] - when it came, in milliseconds since 1970 by this computer's clock
 * @returns {string} a plain sentence, as it is right now; empty for an action of a later server
 */
export function moderationText({ action, moderator, seconds, expiresIn = 0, locked }, name, cameAt = Date.now()) {
  const until = new Date(cameAt + expiresIn * 1000); // By the clock that the reader looks at, which may be wrong.
  const hasEnded = seconds === 0;
  switch (action) {
    case "ban":
      return hasEnded ? `${moderator} unbanned ${name}.` : `${moderator} banned ${name} until ${shortTime(until)}.`;
    case "mute":
      return hasEnded ? `${moderator} unmuted ${name}.` : `${moderator} muted ${name} until ${shortTime(until)}.`;
    case "slow_mode":
      return seconds
        ? `${moderator} started slow mode: each user can write once in ${span(seconds)}.`
        : `${moderator} ended slow mode.`;
    case "lock":
      return locked
        ? `${moderator} locked the room: only moderators can write.`
        : `${moderator} unlocked the room.`;
    default:
      return "";
  }
}

/**
 * @param {Rules | undefined} rules - undefined until they are known
 * @param {string} [mutedBy] - the moderator who muted the user, if that is known
 * @returns {string} why the user cannot write, or ""
 */
export function obstacleText(rules, mutedBy = "") {
  if (!rules || rules.mayWrite) return "";
  if (rules.readOnly) return "You can read in this room, and not write.";
  if (rules.locked) return "This room is locked: only moderators can write.";
  return rules.mutedUntil ? `${mutedBy || "A moderator"} muted you until ${shortTime(rules.mutedUntil)}.` : "";
}

/** @param {string} room @param {Rules | undefined} rules @returns {string} what the field for a message is for */
export function fieldText(room, rules) {
  const isSlow = rules && rules.slowMode > 0 && !rules.moderator;
  return `Message #${room}${isSlow ? `, once in ${span(rules.slowMode)}` : ""}`;
}

/** @param {number} seconds @returns {string} */
function span(seconds) {
  const [amount, unit] = seconds % 3600 === 0 ? [seconds / 3600, "hour"]
    : seconds % 60 === 0 ? [seconds / 60, "minute"]
    : [seconds, "second"];
  return amount === 1 ? `a${unit === "hour" ? "n" : ""} ${unit}` : `${number.format(amount)} ${unit}s`;
}
