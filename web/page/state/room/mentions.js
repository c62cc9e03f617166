import { folded } from "../../text/names.js";
import { parse } from "../../text/parse.js";

/** @typedef {import("./room-people.js").Member} Member */

/** The most that the server takes: users, and bytes of them as JSON. */
const MAX_MENTIONS = 50;
const MAX_BYTES = 2048;

const utf8 = new TextEncoder();

/**
 * Return the users that a text mentions by @name: those that its author has picked, and those who alone here have the
 * name. Of several people of one name that nobody has picked, none is meant.
 *
 * @param {string} text @param {readonly Member[]} people - who are here
 * @param {readonly Member[]} picked - from a list of people; they may have left since
 * @returns {string[]}
 */
export function mentionsIn(text, people, picked) {
  if (!text.includes("@")) return [];
  const others = [...new Map([...people, ...picked].map((person) => [person.user, person])).values()].filter(({ mine }) => !mine);
  const isPicked = (/** @type {Member} */ { user }) => picked.some((person) => person.user === user);
  const mentions = parse(text, others.map(({ name }) => name)).filter(({ kind }) => kind === "mention");
  const users = mentions.flatMap((mention) => {
    const named = others.filter(({ name }) => folded(name) === folded(mention.text.slice(1)));
    const meant = named.length > 1 ? named.filter(isPicked) : named;
    return meant.map(({ user }) => user);
  });
  const fitting = [...new Set(users)].slice(0, MAX_MENTIONS);
  while (utf8.encode(JSON.stringify(fitting)).length > MAX_BYTES) fitting.pop();
  return fitting;
}
