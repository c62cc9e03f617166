import { begun } from "./rank.js";
import { folded } from "./names.js";

/** A list that needs no scrolling. */
const MAX_OPTIONS = 8;
/** In UTF-16 units: the longest name, with the sign before it and what stands before that. */
const MAX_WORD = 66;
/** A sign at the beginning of a word, and what is typed after it. */
const WORD = /(?:^|[\s("'[{])(?:(?<hash>#)(?<room>\S*)|:(?<emoji>[\p{L}\p{N}_+-]{2,}))$/u;
/** The name of a person may have spaces. */
const NAME = /(?:^|[\s("'[{])@(?<name>[^\n@]*)$/u;

/**
 * What is being typed: its sign, what follows it, and where the sign stands.
 *
 * @typedef {{sign: "@" | "#" | ":", query: string, start: number}} Word
 */

/** @param {string} text - up to the caret @returns {Word | null} null if nothing is typed that can be completed */
export function wordAtEnd(text) {
  const end = text.slice(-MAX_WORD);
  const { hash, room, emoji } = WORD.exec(end)?.groups ?? {};
  const query = room ?? emoji ?? NAME.exec(end)?.groups?.name;
  if (query === undefined) return null;
  const sign = hash ? "#" : emoji ? ":" : "@";
  return { sign, query, start: text.length - query.length - 1 };
}

/**
 * Return the options that fit, the best first. None if the only one is typed already.
 *
 * @template {{text: string}} Option
 * @param {string} query @param {readonly Option[]} options @returns {Option[]}
 */
export function fitting(query, options) {
  const fits = begun(query, options).slice(0, MAX_OPTIONS);
  return fits.length === 1 && folded(fits[0]?.text ?? "") === folded(query) ? [] : fits;
}
