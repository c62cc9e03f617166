import { shortTime } from "../time.js";

export const BACK = "Back";
export const REACT = "React";

/** What can be done with a message, by the name of the action. */
export const ACTIONS = new Map([
  ["reply", "Reply"],
  ["thread", "Open thread"],
  ["react", REACT],
  ["copy", "Copy text"],
  ["link", "Copy link"],
  ["edit", "Edit"],
  ["delete", "Delete"],
]);

/** Lengths of a mute or a ban in seconds, and of slow mode. */
const LENGTHS = /** @type {const} */ ([[600, "10 minutes"], [3600, "1 hour"], [86_400, "1 day"]]);
const INTERVALS = /** @type {const} */ ([[0, "Off"], [10, "10 seconds"], [30, "30 seconds"], [60, "1 minute"], [600, "10 minutes"], [3600, "1 hour"]]);

export const MUTE = { title: "Mute", lengths: LENGTHS, end: "Let write again" };
export const BAN = { title: "Ban", lengths: LENGTHS, end: "Let in again" };
export const SLOW_MODE = { title: "Slow mode", lengths: INTERVALS };
export const LOCK = "Only moderators may write";

/** @param {number} seconds @returns {string} the time between two messages of one person */
export const intervalText = (seconds) => INTERVALS.find(([each]) => each === seconds)?.[1] ?? `${seconds} seconds`;

/** @param {Date | null | undefined} until @returns {string} what is in force of a mute or a ban */
export const untilText = (until) => (until ? `until ${shortTime(until)}` : "");

export const ROOM_MENU = "Moderate the room";

/** The menu of a person. @param {string} name */
export const personMenuTitle = (name) => `Moderate ${name}`;

/** The menu of a message. @param {string} name - of its author */
export const messageMenuTitle = (name) => `Message of ${name}`;

/** How many people are named, if there are more. */
const NAMED = 2;

/** @param {string[]} names - of those who have seen a message: at least one @returns {string} */
export function seenText(names) {
  if (names.length > NAMED + 1) return `Seen by ${names.slice(0, NAMED).join(", ")} and ${names.length - NAMED} more`;
  const others = names.slice(0, -1).join(", ");
  return `Seen by ${others}${others && " and "}${names.at(-1)}`;
}
