import { foldButtonText } from "../../words/messages/message-text.js";

/** Texts that are shorter, by both, are never higher than a folded text, also on a phone. */
const FEW_LINES = 10;
const FEW_CHARACTERS = 500;

/**
 * @typedef {object} Fold
 * @property {string} id - of the message
 * @property {string} text
 * @property {HTMLButtonElement} button
 */

/** The ids of the messages that the reader has unfolded: they stay so when they are drawn again. @type {Set<string>} */
const unfolded = new Set();
/** @type {WeakMap<Element, Fold>} by the element of the text */
const folds = new WeakMap();
/** Tells when a long text has its height, and again when the window is another. */
const heights = new ResizeObserver((changes) => {
  const elements = changes.map(({ target }) => /** @type {HTMLElement} */ (target));
  const areCut = elements.map(({ scrollHeight, clientHeight }) => scrollHeight > clientHeight + 1);
  elements.forEach((element, index) => show(element, areCut[index] ?? false)); // After all have been measured.
});

/**
 * Fold a text that is too high: a button shows all of it. How high is in styles/text.css.
 *
 * @param {HTMLElement} element - that shows the text @param {string} text @param {string} id - of the message
 */
export function foldText(element, text, id) {
  const before = folds.get(element);
  if (before?.text === text && before.id === id) return;
  before?.button.remove();
  folds.delete(element);
  heights.unobserve(element);
  element.classList.remove("folded", "cut");
  if (text.length <= FEW_CHARACTERS && linesOf(text) <= FEW_LINES) return;
  folds.set(element, { id, text, button: newButton(element, id) });
  element.classList.toggle("folded", !unfolded.has(id));
  heights.observe(element);
}

/** @param {HTMLElement} element - of the text @param {string} id - of the message */
function newButton(element, id) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "fold";
  button.hidden = true;
  button.addEventListener("click", (event) => {
    event.stopPropagation(); // It is no tool of the message.
    toggle(element, id);
  });
  // The keyboard has come to a link that is cut off.
  element.addEventListener("focusin", ({ target }) => {
    const isCut = element.classList.contains("cut") && folds.get(element)?.button === button;
    if (isCut && target instanceof Element && target.matches(":focus-visible")) toggle(element, id);
  });
  element.after(button);
  return button;
}

/** @param {HTMLElement} element @param {string} id */
function toggle(element, id) {
  const isOpen = !unfolded.delete(id);
  if (isOpen) unfolded.add(id);
  element.classList.toggle("folded", !isOpen);
  show(element, !isOpen);
  if (!isOpen) element.scrollIntoView({ block: "nearest" });
  // The end of the list is elsewhere now, and the reader may not be there any more.
  element.closest("#scroll")?.dispatchEvent(new Event("scroll"));
}

/** @param {HTMLElement} element @param {boolean} isCut - there is more of the text than can be seen */
function show(element, isCut) {
  const fold = folds.get(element);
  if (!fold) return;
  const isOpen = unfolded.has(fold.id);
  element.classList.toggle("cut", isCut);
  fold.button.hidden = !isCut && !isOpen;
  fold.button.textContent = foldButtonText(isOpen, linesOf(fold.text));
  fold.button.ariaExpanded = String(isOpen);
}

/** @param {string} text @returns {number} as its author broke them */
const linesOf = (text) => text.split("\n").length;
