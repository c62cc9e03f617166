import { copy, say } from "../feedback.js";
import { isOnlyEmoji } from "../../text/emoji.js";
import { Late, whenIdle } from "../../late.js";
import { parse } from "../../text/parse.js";
import { SELECTED } from "../../words/feedback.js";
import { COPY, hostText } from "../../words/messages/message-text.js";

/** @typedef {import("../../text/parse.js").Part} Part */

const ELEMENTS = /** @type {const} */ ({ code: "code", strong: "strong", emphasis: "em", mention: "mark" });

/** @type {WeakMap<Element, {text: string, names: string}>} what each element shows */
const shown = new WeakMap();
/** Lets the keyboard scroll a code that is wider than its place, as the window is now. */
const widths = new ResizeObserver((entries) => {
  for (const { target: code } of entries) {
    if (code.scrollWidth > code.clientWidth) code.setAttribute("tabindex", "0");
    else code.removeAttribute("tabindex");
  }
});
/** Code is plain until it is loaded, and stays so without it. */
const colours = new Late(() => import("../../text/code.js"));

/**
 * Show what a person wrote: links, code, emphasis and mentions as elements, all else as text. What an element shows
 * already stays untouched, with the reader's selection in it.
 *
 * @param {HTMLElement} element @param {string} text
 * @param {readonly string[]} [names] - of the people that it mentions
 */
export function drawText(element, text, names = []) {
  const before = shown.get(element);
  const key = names.join("\n");
  if (before?.text === text && before.names === key) return;
  shown.set(element, { text, names: key });
  const parts = parse(text, names);
  element.replaceChildren(...parts.map(drawPart));
  element.classList.toggle("only-emoji", isOnlyEmoji(text));
  element.classList.toggle("has-code", parts.some(({ kind }) => kind === "block"));
}

/** @param {Element} element @returns {string} the text that drawText was given */
export const textOf = (element) => shown.get(element)?.text ?? "";

/** @param {Part} part @returns {Node} */
function drawPart(part) {
  const { kind, text } = part;
  if (kind === "text") return document.createTextNode(text);
  if (kind === "link") return drawLink(part);
  if (kind === "block") return drawBlock(part);
  return elementOf(ELEMENTS[kind], text);
}

/** @param {Part} part - an address of http or https */
function drawLink({ text, href }) {
  const link = elementOf("a", text);
  link.href = href;
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow ugc";
  link.title = href;
  const { origin, host } = new URL(href);
  // A text such as "https://bank.test@evil.test", or with letters that only look like others, leads elsewhere.
  const looksRight = text.toLowerCase().startsWith(origin) && /^(?:[/?#]|$)/.test(text.slice(origin.length));
  if (!looksRight) link.dataset.host = hostText(host);
  return link;
}

/** @param {Part} part */
function drawBlock({ text, language }) {
  const block = document.createElement("pre");
  const code = elementOf("code", text);
  const button = elementOf("button", COPY);
  button.type = "button";
  button.addEventListener("click", async (event) => {
    event.stopPropagation(); // It is no tool of the message.
    if (await copy(text)) return;
    getSelection()?.selectAllChildren(code);
    say(SELECTED);
  });
  block.dir = "ltr";
  block.append(code, button);
  widths.observe(code);
  if (language !== "text") whenIdle(() => colours.use(({ coloured }) => colour(code, coloured(text)), () => {}));
  return block;
}

/** @param {HTMLElement} code @param {import("../../text/code.js").CodePiece[]} pieces - of its text */
function colour(code, pieces) {
  code.replaceChildren(
    ...pieces.map(({ kind, text }) => {
      if (kind === "plain") return text;
      const piece = elementOf("span", text);
      piece.className = kind;
      return piece;
    }),
  );
}

/** @template {keyof HTMLElementTagNameMap} Tag @param {Tag} tag @param {string} text @returns {HTMLElementTagNameMap[Tag]} */
function elementOf(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}
