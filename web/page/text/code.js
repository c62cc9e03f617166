/**
 * A piece of code of one colour.
 *
 * @typedef {"comment" | "string" | "number" | "keyword" | "plain"} CodeKind
 * @typedef {{kind: CodeKind, text: string}} CodePiece
 */

/** Longer code is not coloured: hundreds of elements for nobody. */
const MAX_COLOURED_LINES = 200;

const KEYWORDS =
  "as async await break case catch class const continue def do elif else except export extends false finally fn for from func " +
  "function if import in is lambda let match new nil None not null of or and pass public private raise return self static " +
  "struct super switch this throw True False true try type var void while with yield";

/**
 * What most languages have in common. A string or comment without an end runs to the end of its line, or of the text, so
 * that no quotation mark is tried twice.
 */
const PIECES = new RegExp(
  [
    /(?<comment>\/\*[^]*?(?:\*\/|$(?![^]))|(?<![:\\])\/\/.*|(?<!\S)(?:#(?=[ !])|--(?= )).*|<!--[^]*?(?:-->|$(?![^])))/,
    /(?<string>"(?:\\.|[^"\\\n])*"?|(?<![\p{L}\p{N}])'(?:\\.|[^'\\\n])*'?|`(?:\\[^]|[^`\\])*`?)/u,
    /(?<number>(?<![\p{L}\p{N}_.])\d[\w.]*)/u,
    RegExp(`(?<keyword>(?<![\\p{L}\\p{N}_.$-])(?:${KEYWORDS.replaceAll(" ", "|")})(?![\\p{L}\\p{N}_-]))`, "u"),
  ]
    .map(({ source }) => source)
    .join("|"),
  "gmu",
);

/** Return the pieces of a code, in order: together they are the code. Of a long one there is one. @param {string} code @returns {CodePiece[]} */
export function coloured(code) {
  if (code.split("\n", MAX_COLOURED_LINES + 1).length > MAX_COLOURED_LINES) return [{ kind: "plain", text: code }];
  /** @type {CodePiece[]} */
  const pieces = [];
  let end = 0;
  for (const { 0: text, index, groups = {} } of code.matchAll(PIECES)) {
    const kind = /** @type {const} */ (["comment", "string", "number"]).find((kind) => groups[kind]) ?? "keyword";
    if (index > end) pieces.push({ kind: "plain", text: code.slice(end, index) });
    pieces.push({ kind, text });
    end = index + text.length;
  }
  if (end < code.length) pieces.push({ kind: "plain", text: code.slice(end) });
  return pieces;
}
