/** CSS pixels. A reader this near to the end is at the end. */
const NEAR_END = 48;

/** Keeps a scrolling box where its reader is while its content changes. Dispatches `move` when the reader scrolls. */
export class ScrollAnchor extends EventTarget {
  isAtEnd = true;
  #box;

  /** @param {HTMLElement} box - with `overflow-anchor: none`: Safari has no anchoring, so this does it for all */
  constructor(box) {
    super();
    this.#box = box;
    box.addEventListener("scroll", () => this.#onScroll());
    // A phone's keyboard, or a long draft, makes the box smaller: keep a reader at the end there.
    new ResizeObserver(() => this.isAtEnd && this.toEnd()).observe(box);
  }

  /** True if the start is less than one screen away. */
  get isNearStart() {
    return this.#box.scrollTop < this.#box.clientHeight;
  }

  toEnd() {
    this.#box.scrollTop = this.#box.scrollHeight;
    this.isAtEnd = true;
  }

  /**
   * Change the content. A reader at the end stays at the end; for another reader nothing moves.
   * @param {() => void} change - of the list items in the box
   */
  keep(change) {
    const anchor = this.isAtEnd ? undefined : this.#firstInView();
    const before = anchor ? bottomOf(anchor) : 0;
    change();
    if (this.isAtEnd) this.toEnd();
    else if (anchor?.isConnected) this.#box.scrollTop += bottomOf(anchor) - before;
  }

  #firstInView() {
    const { top } = this.#box.getBoundingClientRect();
    return [...this.#box.querySelectorAll("li")].find((item) => bottomOf(item) > top);
  }

  #onScroll() {
    const { scrollHeight, scrollTop, clientHeight } = this.#box;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
    this.dispatchEvent(new Event("move"));
  }
}

/** The lower edge, because the upper part of an item, such as the name, may vanish. @param {Element} item */
const bottomOf = (item) => item.getBoundingClientRect().bottom;
