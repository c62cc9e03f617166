/**
 * The one element that `selector` names.
 *
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} kind
 * @param {ParentNode} [root]
 * @returns {T}
 * @throws {TypeError} if it is missing or of another kind: markup and script have come apart
 */
export function find(selector, kind, root = document) {
  const element = root.querySelector(selector);
  if (element instanceof kind) return element;
  throw new TypeError(`No ${kind.name} at ${selector}`);
}
