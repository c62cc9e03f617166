import { looksEmpty } from "./clean.js";

/** In code points, as the server counts. */
const MAX_NAME = 100;

/**
 * Return a valid room name for what somebody typed: without the "#" that the page shows before names, without spaces and
 * invisible characters. Empty if nothing is left.
 *
 * @param {string} typed @returns {string}
 */
export function roomName(typed) {
  // Not all of \p{C}: to a browser, an emoji that is newer than itself is unassigned.
  const words = typed.normalize("NFC").trim().replace(/^#+/u, "").trim().replace(/\s+/gu, "-");
  const visible = words.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Z}]/gu, "");
  const name = [...visible].slice(0, MAX_NAME).join("");
  return looksEmpty(name) ? "" : name;
}

/**
 * Return the room that somebody means who types its name: the known one that differs only in capitals, if there is one.
 *
 * @param {string} typed @param {Iterable<string>} known @returns {string} empty if it is no name
 */
export function meantRoom(typed, known) {
  const name = roomName(typed);
  const rooms = [...known];
  if (rooms.includes(name)) return name;
  return rooms.find((room) => room.toLowerCase() === name.toLowerCase()) ?? name;
}
