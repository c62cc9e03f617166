import { transcriptText } from "../../words/messages/message-text.js";
import { textOf } from "./rich-text.js";

/**
 * Copy several messages as a transcript: each with its name and time, also where the screen shows one name for many. A
 * selection within one message is copied as it is.
 *
 * @param {HTMLElement} box - with the messages
 */
export function copyTranscripts(box) {
  box.addEventListener("copy", (event) => {
    const selection = getSelection();
    if (!selection?.rangeCount || !event.clipboardData) return;
    const range = selection.getRangeAt(0);
    const messages = [...box.querySelectorAll(".message")].filter((message) => selectedText(message, range));
    if (messages.length < 2) return;
    event.clipboardData.setData("text/plain", messages.map((message) => line(message, range)).join("\n"));
    event.preventDefault();
  });
}

/** @param {Element} message @param {Range} range */
function line(message, range) {
  const read = (/** @type {string} */ selector) => message.querySelector(selector)?.textContent?.trim() ?? "";
  return transcriptText({ name: read(".name"), time: read("time"), text: selectedText(message, range) });
}

/** @param {Element} message @param {Range} range @returns {string} what is selected of the message's text */
function selectedText(message, range) {
  const text = message.querySelector(".text");
  if (!text || !range.intersectsNode(text)) return "";
  const part = document.createRange();
  part.selectNodeContents(text);
  const isAll = range.comparePoint(text, 0) >= 0 && range.comparePoint(text, text.childNodes.length) <= 0;
  if (isAll) return textOf(text);
  if (range.comparePoint(text, 0) < 0) part.setStart(range.startContainer, range.startOffset);
  if (range.comparePoint(text, text.childNodes.length) > 0) part.setEnd(range.endContainer, range.endOffset);
  const copy = part.cloneContents();
  for (const button of copy.querySelectorAll("button")) button.remove();
  return copy.textContent?.trim() ?? "";
}
