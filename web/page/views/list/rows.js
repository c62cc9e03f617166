import { isDivider } from "./items.js";
import { continuesBlock, drawEntry, redrawEntry } from "../message/message-view.js";

/**
 * @typedef {import("../../state/room/days.js").Item} Item
 * @typedef {{element: HTMLElement, view: HTMLElement, item: Item, previous: Item | undefined, index: number}} Row -
 *   `element`: the list's element; `view`: what is in it; `index`: among all items, when it was shown last
 */

/** The items that are in the document, each as one element of a list. */
export class Rows {
  #list;
  /** @type {Map<string, Row>} by id, in no order */
  #rows = new Map();
  /** @type {WeakMap<Element, Row>} by element */
  #byElement = new WeakMap();
  /** @type {Row[]} */
  #added = [];

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#list = list;
  }

  /** @param {string} id @returns {Row | undefined} */
  get(id) {
    return this.#rows.get(id);
  }

  /** @param {Element} element - in a row, or a row itself @returns {Row | undefined} */
  rowOf(element) {
    const row = element.closest(".row");
    return row ? this.#byElement.get(row) : undefined;
  }

  /** @returns {IterableIterator<Row>} */
  all() {
    return this.#rows.values();
  }

  /**
   * @param {readonly Item[]} items - all @param {import("./window.js").Range} range - of those to show
   * @returns {Row[]} those that were not in the document
   */
  show(items, { from, to }) {
    this.#added = [];
    const focused = this.#focused(items);
    const indexes = Array.from({ length: to - from }, (_, offset) => from + offset);
    if (focused >= 0 && focused < from) indexes.unshift(focused);
    if (focused >= to) indexes.push(focused);
    const shown = new Set(indexes.map((index) => items[index]?.id));
    for (const [id, { element }] of this.#rows) {
      if (shown.has(id)) continue;
      element.remove();
      this.#rows.delete(id);
    }
    this.#arrange(indexes.map((index) => this.#draw(items, index)));
    return this.#added;
  }

  /** Draw every row again: their times and days are told otherwise today. */
  redraw() {
    for (const { view, item } of this.#rows.values()) redrawEntry(view, item);
  }

  /** @param {readonly Item[]} items @returns {number} the index of the row that has the focus; -1 if none has */
  #focused(items) {
    const active = document.activeElement;
    const row = active && this.#list.contains(active) ? this.rowOf(active) : undefined;
    return row ? items.findLastIndex(({ id }) => id === row.item.id) : -1;
  }

  /** @param {readonly Item[]} items @param {number} index @returns {HTMLElement} */
  #draw(items, index) {
    const item = /** @type {Item} */ (items[index]);
    const previous = items[index - 1];
    const row = this.#rows.get(item.id) ?? this.#add(item);
    if (row.item !== item) redrawEntry(row.view, item);
    if (row.item !== item || row.previous !== previous) row.view.classList.toggle("follows", continuesBlock(item, previous));
    Object.assign(row, { item, previous, index });
    return row.element;
  }

  /** @param {Item} item @returns {Row} */
  #add(item) {
    const element = document.createElement("li");
    const view = drawEntry(item);
    element.className = isDivider(item) ? "row between" : "row";
    element.append(view);
    if (!isDivider(item)) makeFocusable(view);
    /** @type {Row} */
    const row = { element, view, item, previous: undefined, index: -1 };
    view.classList.toggle("follows", continuesBlock(item, undefined));
    this.#added.push(row);
    this.#rows.set(item.id, row);
    this.#byElement.set(element, row);
    return row;
  }

  /** Put the elements in order; one in its place is not touched, so that it keeps the focus and the selection. @param {HTMLElement[]} elements */
  #arrange(elements) {
    let next = this.#list.firstElementChild;
    for (const element of elements) {
      if (element === next) next = next.nextElementSibling;
      else this.#list.insertBefore(element, next);
    }
  }
}

let labels = 0;

/** Let a row have the focus. A message is called by its author and time then, and described by its text. @param {HTMLElement} view */
function makeFocusable(view) {
  view.tabIndex = -1;
  const ids = (/** @type {string} */ parts) =>
    [...view.querySelectorAll(parts)].map((part) => (part.id ||= `label-${++labels}`)).join(" ");
  const names = ids(".who .name, .who time");
  if (names) view.setAttribute("aria-labelledby", names);
  view.setAttribute("aria-describedby", ids(".text"));
}
