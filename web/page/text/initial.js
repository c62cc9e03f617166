import { looksEmpty } from "./clean.js";

/** A character as a reader sees it may be several code points: a flag, a family, a syllable of Devanagari. */
const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Return the first visible character of a name, as a capital. Empty if there is none. @param {string} name */
export function initial(name) {
  const plain = /^[a-z\d](?=[ -~]|$)/i.exec(name); // Most names begin so, and need not be divided, which takes long.
  if (plain) return plain[0].toUpperCase();
  for (const { segment } of graphemes.segment(name)) if (!looksEmpty(segment)) return segment.toUpperCase();
  return "";
}
