import { graphemes } from "./graphemes.js";
import { searchable } from "./rank.js";

/** In UTF-16 units: what a result shows of a message, and how much of that stands before the first thing found. */
const MAX_SHOWN = 300;
const MAX_BEFORE = 60;
const LEAD = 30;

/**
 * A piece of a text: what was searched for, or what stands between.
 *
 * @typedef {{text: string, isFound: boolean}} Piece
 */

/**
 * Return the part of a text around the first thing found, in pieces.
 *
 * @param {string} text @param {string} query @returns {Piece[]}
 */
export function excerpt(text, query) {
  const [first = 0] = found(text, query)[0] ?? [];
  if (first <= MAX_BEFORE) return pieces(beginning(text), query);
  const word = text.indexOf(" ", first - LEAD) + 1; // 0: no space follows
  const start = word && word < first ? word : first;
  return pieces(`…${beginning(text.slice(start))}`, query);
}

/** What a result shows of a text, without half a character at its end. @param {string} text */
const beginning = (text) => text.slice(0, graphemes(text).containing(MAX_SHOWN)?.index);

/** Return a text in pieces. @param {string} text @param {string} query @returns {Piece[]} */
export function pieces(text, query) {
  const places = found(text, query);
  const ends = [0, ...places.flat(), text.length];
  return ends.slice(1).map((end, at) => ({ text: text.slice(ends[at], end), isFound: at % 2 === 1 })).filter((piece) => piece.text);
}

/**
 * Find where a text has what is searched for. A character may be longer or shorter than what a search compares of it.
 *
 * @param {string} text @param {string} query @returns {[start: number, end: number][]}
 */
function found(text, query) {
  const sought = searchable(query.trim());
  if (!sought) return [];
  const starts = []; // in the text, by place in what is compared
  let compared = "";
  let at = 0;
  for (const character of text) {
    const plain = searchable(character);
    for (let unit = 0; unit < plain.length; unit++) starts.push(at);
    compared += plain;
    at += character.length;
  }
  /** @type {[number, number][]} */
  const places = [];
  for (let from = compared.indexOf(sought); from >= 0; from = compared.indexOf(sought, from + sought.length)) {
    const start = starts[from] ?? 0;
    const end = starts[from + sought.length] ?? text.length;
    const before = places.at(-1);
    if (before && start < before[1]) continue; // Both are parts of one character, such as a ligature.
    places.push([start, Math.max(end, start + 1)]);
  }
  return places;
}
