import { closesBlock, opensBlock } from "./fences.js";

/** In code points, as the server counts. The property `length` counts UTF-16 units. */
export const MAX_MESSAGE = 4000;

/** Symbols and formatting characters that are blank, beside Unicode's own property for what shows nothing. */
const BLANK = /^[\s\p{Cc}\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb\u{1d159}]*$/u;
const OPENING = "```";
const CLOSING = "```";
/** In code points, as MAX_MESSAGE: there is always space for a line that closes a block of code. */
const MAX_CONTENT = MAX_MESSAGE - CLOSING.length - 1;
/** The same, of a line: after one that opens a block, with the name of a language. */
const MAX_PIECE = MAX_CONTENT - 25;

/** True if a reader sees nothing of the text, as the server judges it. @param {string} text */
export const looksEmpty = (text) => BLANK.test(text);

/** @param {string} text @returns {number} its characters, as the server counts them */
export const lengthOf = (text) => [...text].length;

/**
 * Return what of a typed or pasted text can be sent: the vertical tab, the form feed and NEL of other programs as line
 * breaks, without other control characters and half characters, which the server rejects, and without empty lines
 * around it. The first line keeps its indentation: it may be code. Empty if it looks empty.
 *
 * @param {string} typed @returns {string}
 */
export function sendable(typed) {
  const lines = typed.replace(/\r\n?|[\v\f\u0085]/gu, "\n");
  const text = lines.replace(/[^\P{Cc}\t\n]|\p{Cs}/gu, "").trimEnd();
  return looksEmpty(text) ? "" : text.slice(text.lastIndexOf("\n", text.search(/\S/)) + 1);
}

/**
 * Return a text as messages that can be sent: cut at the ends of lines, or in a long line between words. A block of code
 * that is cut is closed, and opened again in the next message.
 *
 * @param {string} typed @returns {string[]} empty if the text looks empty
 */
export function parts(typed) {
  const text = sendable(typed);
  if (lengthOf(text) <= MAX_MESSAGE) return text ? [text] : [];
  /** @type {string[]} */
  const messages = [];
  /** @type {string[]} the lines of the message that is not full */
  let message = [];
  let length = 0;
  let opening = ""; // the first line of the block of code that is not closed
  const add = (/** @type {string} */ line) => {
    message.push(line);
    length += lengthOf(line) + 1;
  };
  const end = () => {
    if (opening && message.at(-1) === opening) message.pop(); // All of the block is in the next message.
    else if (opening) message.push(CLOSING);
    messages.push(sendable(message.join("\n")));
    message = [];
    length = 0;
    if (opening) add(opening);
  };
  for (const line of text.split("\n")) {
    const closes = opening !== "" && closesBlock(line);
    const language = opening ? null : opensBlock(line);
    for (const piece of closes ? [CLOSING] : pieces(language === null ? line : OPENING + language)) {
      if (!closes && length + lengthOf(piece) > MAX_CONTENT) end();
      add(piece);
    }
    if (closes) opening = "";
    else if (language !== null) opening = OPENING + language;
  }
  messages.push(sendable(message.join("\n")));
  return messages.filter(Boolean);
}

/** Return a line as lines that fit into a message. @param {string} line */
function pieces(line) {
  const found = [];
  let rest = [...line];
  while (rest.length > MAX_PIECE) {
    const space = rest.lastIndexOf(" ", MAX_PIECE);
    const end = space > MAX_PIECE / 2 ? space + 1 : MAX_PIECE;
    found.push(rest.slice(0, end).join(""));
    rest = rest.slice(end);
  }
  return [...found, rest.join("")];
}
