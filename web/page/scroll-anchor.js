/** How far from the end, in CSS pixels, a reader still counts as being at it. */
const NEAR_END = 48;

/** A box that scrolls, and the place in it that its reader is at. Dispatches `move` when the reader goes elsewhere. */
export class Scroll extends EventTarget {
  isAtEnd = true;
  #box;

  /** @param {HTMLElement} box - with `overflow-anchor: none`: Safari has no such anchor, so it is made here for all */
  constructor(box) {
    super();
    this.#box = box;
    box.addEventListener("scroll", () => this.#scrolled());
    // A phone's keyboard, or a long draft, takes room from the box: a reader at the end stays there.
    new ResizeObserver(() => this.isAtEnd && this.toEnd()).observe(box);
  }

  /** Whether the start comes into view within one page. */
  get isNearStart() {
    return this.#box.scrollTop < this.#box.clientHeight;
  }

  toEnd() {
    this.#box.scrollTop = this.#box.scrollHeight;
    this.isAtEnd = true;
  }

  /**
   * A reader at the end stays there, whatever changes; for any other, nothing moves.
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

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#box;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
    this.dispatchEvent(new Event("move"));
  }
}

/** Not its upper edge: an upper part, such as a name, may go when another comes above. @param {Element} item */
const bottomOf = (item) => item.getBoundingClientRect().bottom;
