import { isDivider } from "./items.js";

/**
 * One tab stop for a list of rows of which only some are in the document: the arrow keys, Home and End move in it.
 * The tab stop is the row that has the focus, else the last one in view.
 */
export class RovingFocus {
  #rows;
  #list;
  #reveal;
  /** @type {readonly import("./rows.js").Item[]} */
  #items = [];
  #current = ""; // the id of the tab stop
  /** @type {HTMLElement | undefined} */
  #stop;

  /**
   * @param {HTMLElement} box - around the list
   * @param {{list: HTMLElement, rows: import("./rows.js").Rows, reveal: (index: number) => void}} parts - `reveal` brings
   *   the row of an item into the document and into view
   */
  constructor(box, { list, rows, reveal }) {
    this.#rows = rows;
    this.#list = list;
    this.#reveal = reveal;
    box.addEventListener("keydown", (event) => this.#onKey(event));
    list.addEventListener("focusin", ({ target }) => this.#onFocus(target));
  }

  /** @param {readonly import("./rows.js").Item[]} items - all @param {readonly Element[]} inView - rows, first to last */
  show(items, inView) {
    this.#items = items;
    if (this.#list.contains(document.activeElement)) return;
    const last = inView.map((element) => this.#rows.rowOf(element)).findLast((row) => row && !isDivider(row.item));
    if (last && last.view !== this.#stop) this.#makeStop(last);
  }

  /** Give a row the focus. @param {number} index - of its item */
  go(index) {
    this.#reveal(index);
    const item = this.#items[index];
    const row = item && this.#rows.get(item.id);
    if (!row) return;
    this.#makeStop(row);
    row.view.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const { key, target, altKey, ctrlKey, metaKey, shiftKey } = event;
    if (altKey || ctrlKey || metaKey || shiftKey || !(target instanceof HTMLElement)) return;
    const isInRow = this.#list.contains(target) && !target.matches(".row > *");
    if (isInRow) return; // A button or a field of a message has keys of its own.
    const index = this.#next(key);
    if (index < 0) return;
    event.preventDefault();
    this.go(index);
  }

  /** @param {string} key @returns {number} the index of the item that the key leads to; -1 if it leads nowhere */
  #next(key) {
    const now = this.#items.findLastIndex(({ id }) => id === this.#current);
    if (key === "Home") return this.#passable(0, 1);
    if (key === "End") return this.#passable(this.#items.length - 1, -1);
    if (key === "ArrowDown") return this.#passable(now + 1, 1);
    return key === "ArrowUp" ? this.#passable(now - 1, -1) : -1;
  }

  /** Return the first index from there on that is not a divider. @param {number} index @param {1 | -1} step */
  #passable(index, step) {
    let item;
    while ((item = this.#items[index]) && isDivider(item)) index += step;
    return item ? index : -1;
  }

  /** @param {EventTarget | null} target */
  #onFocus(target) {
    const row = target instanceof Element && this.#rows.rowOf(target);
    if (row && !isDivider(row.item)) this.#makeStop(row);
  }

  /** @param {import("./rows.js").Row} row */
  #makeStop({ item, view }) {
    if (this.#stop && this.#stop !== view) this.#stop.tabIndex = -1;
    this.#stop = view;
    view.tabIndex = 0;
    this.#current = item.id;
  }
}
