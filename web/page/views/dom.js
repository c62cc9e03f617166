/**
 * Return the first element that matches the selector.
 *
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} kind
 * @param {ParentNode} [root]
 * @returns {T}
 * @throws {TypeError} if it is missing or of another kind: the markup does not fit the script
 */
export function find(selector, kind, root = document) {
  const element = root.querySelector(selector);
  if (element instanceof kind) return element;
  throw new TypeError(`No ${kind.name} at ${selector}`);
}

/**
 * True for a key of an input method, such as for Japanese: Enter picks a word there, and Escape leaves it. Safari then
 * reports only key code 229 (https://bugs.webkit.org/show_bug.cgi?id=165004).
 * @param {KeyboardEvent} event
 */
export const isOfInputMethod = ({ isComposing, keyCode }) => isComposing || keyCode === 229;

/**
 * Show a text. The same one stays untouched: the browser would lay it out again, and a selection in it would end.
 * @param {Element} element @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
