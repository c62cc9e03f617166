import { shortTime } from "./time.js";

/**
 * @typedef {import("../../roomcast.js").Person} Person
 * @typedef {import("../../roomcast.js").Moderated} Moderated
 */

const number = new Intl.NumberFormat("en");

/** @param {{count: number, approximate: boolean}} people @returns {string} */
export const whoIsHere = ({ count, approximate }) => `${approximate ? "about " : ""}${number.format(count)} here`;

/** @param {readonly Person[]} people - who write at this moment @returns {string} empty if nobody does */
export function whoIsWriting(people) {
  const [first, second] = people.map(({ name }) => name);
  if (people.length > 2) return "Several people are writing…";
  if (people.length > 1) return `${first} and ${second} are writing…`;
  return first === undefined ? "" : `${first} is writing…`;
}

/**
 * @param {Moderated} act - of a moderator @param {string} whom - its user's name, or "you"
 * @returns {string} a plain sentence; empty for an act of a later server
 */
export function whatWasDone(act, whom) {
  const { moderator } = act;
  const until = new Date(act.until ?? 0);
  // For how long is surer than until when: this computer's clock may be wrong.
  const ends = act.seconds === undefined ? until.valueOf() <= Date.now() : act.seconds === 0;
  switch (act.action) {
    case "ban":
      return ends ? `${moderator} lets ${whom} in again.` : `${moderator} sent ${whom} out until ${shortTime(until)}.`;
    case "mute":
      return ends ? `${moderator} lets ${whom} write again.` : `${moderator} muted ${whom} until ${shortTime(until)}.`;
    case "slow_mode":
      return act.seconds
        ? `${moderator} slowed the room down: each person can write once in ${span(act.seconds)}.`
        : `${moderator} ended the slow mode.`;
    case "lock":
      return act.locked
        ? `${moderator} locked the room: it can be read, and nobody can write.`
        : `${moderator} unlocked the room.`;
    default:
      return "";
  }
}

/** @param {number} seconds @returns {string} */
function span(seconds) {
  const [amount, unit] = seconds % 3600 === 0 ? [seconds / 3600, "hour"]
    : seconds % 60 === 0 ? [seconds / 60, "minute"]
    : [seconds, "second"];
  return amount === 1 ? `a${unit === "hour" ? "n" : ""} ${unit}` : `${number.format(amount)} ${unit}s`;
}
