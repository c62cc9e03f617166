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
