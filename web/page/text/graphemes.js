const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/**
 * The characters of a text as a reader sees them: each may be several code points, such as a flag, a family, a syllable of
 * Devanagari.
 *
 * @param {string} text
 */
export const graphemes = (text) => segmenter.segment(text);

/** Return a text in one line of at most so many characters as a reader sees them. @param {string} text @param {number} most */
export function cut(text, most) {
  const line = text.replace(/\s+/gu, " ").trim();
  if (line.length <= most) return line; // To divide it takes long.
  let count = 0;
  let end = 0;
  for (const { index } of graphemes(line)) {
    if (count === most - 1) end = index;
    if (count++ === most) return `${line.slice(0, end).trimEnd()}…`;
  }
  return line;
}
