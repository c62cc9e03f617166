import { closesBlock, opensBlock } from "./fences.js";

/**
 * What a person wrote, as a list of parts. `language` of a block and `href` of a link are empty for other kinds.
 *
 * @typedef {"text" | "code" | "strong" | "emphasis" | "block" | "link" | "mention"} Kind
 * @typedef {{kind: Kind, text: string, language: string, href: string}} Part
 */

/**
 * `code`, *strong*, _emphasis_ and links. Each alternative begins with a character of its own and runs to the next of a
 * few, so that no character is tried more than a few times: a hostile text takes no longer than another.
 */
const INLINE = new RegExp(
  [
    /(?<!`)(`{1,3})(?<code>[^`\n]+)\1(?!`)/,
    /(?<![\p{L}\p{N}*])\*(?!\s)(?<strong>[^*\n]+)(?<!\s)\*(?![\p{L}\p{N}*])/u,
    /(?<![\p{L}\p{N}_])_(?!\s)(?<emphasis>[^_\n]+)(?<!\s)_(?![\p{L}\p{N}_])/u,
    // No character that changes the direction: the address would read as another one.
    /(?<![\p{L}\p{N}])(?<link>https?:\/\/[^\s<>"`\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+)/u,
  ]
    .map(({ source }) => source)
    .join("|"),
  "giu",
);
/** What may end the sentence around a link. */
const STOPS = new Set(".,:;!?'*_…”’»");
const BRACKETS = new Map([[")", "("], ["]", "["], ["}", "{"]]);

/**
 * Return the parts of a text, in order. Together they have all its characters but the marks, such as the stars of
 * `*strong*`. It takes time in proportion to the text.
 *
 * @param {string} text
 * @param {readonly string[]} [names] - of the people that it may mention: `@name` of another is text
 * @returns {Part[]}
 */
export function parse(text, names = []) {
  /** @type {Part[]} */
  const parts = [];
  const findMentions = mentionsOf(names);
  const lines = text.split("\n");
  let start = 0; // of the lines that no block has
  const endText = (/** @type {number} */ end) => {
    const plain = lines.slice(start, end).join("\n") + (end < lines.length && end > start ? "\n" : "");
    for (const part of inline(plain).flatMap((part) => (part.kind === "text" ? findMentions(part.text) : part))) parts.push(part);
  };
  for (let index = 0; index < lines.length - 1; index++) {
    const language = opensBlock(lines[index] ?? "");
    if (language === null) continue;
    endText(index);
    let end = index + 1; // A block that nobody has closed goes to the end.
    while (end < lines.length && !closesBlock(lines[end] ?? "")) end++;
    parts.push({ ...partOf("block", lines.slice(index + 1, end).join("\n")), language });
    index = end;
    start = end + 1;
  }
  endText(lines.length);
  return parts;
}

/** @param {string} text - without blocks @returns {Part[]} */
function inline(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    const { code, strong, emphasis, link } = match.groups ?? {};
    const part = link ? linkOf(link)
      : code ? partOf("code", code)
      : strong ? partOf("strong", strong)
      : partOf("emphasis", emphasis ?? "");
    if (!part) continue;
    if (match.index > end) parts.push(partOf("text", text.slice(end, match.index)));
    parts.push(part);
    end = match.index + (link ? part.text.length : match[0].length);
  }
  if (end < text.length) parts.push(partOf("text", text.slice(end)));
  return parts;
}

/** @param {string} found @returns {Part | null} without what belongs to the sentence; null if it is no address */
function linkOf(found) {
  const open = new Map([...BRACKETS].map(([close, opening]) => [close, count(found, close) - count(found, opening)]));
  let end = found.length;
  for (; end > 0; end--) {
    const last = found[end - 1] ?? "";
    const unmatched = open.get(last) ?? 0;
    if (unmatched > 0) open.set(last, unmatched - 1);
    else if (!STOPS.has(last)) break;
  }
  const text = found.slice(0, end);
  return URL.canParse(text) ? { ...partOf("link", text), href: new URL(text).href } : null;
}

/** @param {readonly string[]} names @returns {(text: string) => Part[]} finds them after an @, in any case */
function mentionsOf(names) {
  const wanted = names.filter(Boolean).sort((one, other) => other.length - one.length); // "Ada Lovelace" before "Ada"
  if (wanted.length === 0) return (text) => [partOf("text", text)];
  const any = wanted.map((name) => name.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|");
  const mention = new RegExp(`((?<![\\p{L}\\p{N}_@])@(?:${any})(?![\\p{L}\\p{N}_]))`, "iu");
  return (text) => {
    const pieces = text.split(mention).map((piece, index) => partOf(index % 2 ? "mention" : "text", piece));
    return pieces.filter((piece) => piece.text);
  };
}

/** @param {Kind} kind @param {string} text @returns {Part} */
const partOf = (kind, text) => ({ kind, text, language: "", href: "" });

/** @param {string} text @param {string} character */
const count = (text, character) => text.split(character).length - 1;
