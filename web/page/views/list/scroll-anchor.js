/** CSS pixels. A reader this near to the end is at the end. */
const NEAR_END = 48;
/** CSS pixels of a row that have to be in view for the row to be. */
const IN_VIEW = 24;
/** Milliseconds without a scroll event after which a fling has settled, in browsers that do not tell. */
const SETTLED = 150;

/**
 * Keeps a scrolling box where its reader is while its rows change. Dispatches `move` when the reader scrolls, and `settle`
 * when a finger and its momentum have come to rest, or the box is pinned no longer.
 */
export class ScrollAnchor extends EventTarget {
  /** True if the reader is at the end, or was when the box was pinned and has not scrolled since. */
  isAtEnd = true;
  /** True while nothing in view may move, even for a reader at the end: what they point at must not become another row. */
  #isPinned = false;
  /** True if there are rows behind the last one in the box: its end is not the end. */
  isCut = false;
  /** True while a finger moves the content, or the momentum that it gave. */
  isHeld = false;
  /** The rows of which something is in view, from the first to the last. @type {readonly Element[]} */
  inView = [];
  /** True if the newest row is in view: its beginning, at least. */
  isNewestInView = true;
  /** CSS pixels above the view, of it and below it. */
  #extent = { before: 0, height: 0, width: 0, after: 0 };
  #box;
  #list;
  #fingers = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #restTimer;
  /** @type {{row: Element, bottom: number} | undefined} where the first row in view was, against the box */
  #anchor;

  /**
   * @param {HTMLElement} box - with `overflow-anchor: none`: Safari has no anchoring, so this does it for all
   * @param {HTMLElement} list - of the rows in the box
   */
  constructor(box, list) {
    super();
    this.#box = box;
    this.#list = list;
    box.addEventListener("scroll", () => this.#onScroll());
    box.addEventListener("scrollend", () => this.#settle());
    for (const type of ["touchstart", "touchend", "touchcancel"]) {
      box.addEventListener(type, (event) => this.#onTouch(/** @type {TouchEvent} */ (event)), { passive: true });
    }
    // A phone's keyboard, a long draft or a narrower window: keep the reader where they are.
    new ResizeObserver(() => this.#onResize()).observe(box);
  }

  /** True if what comes at the end moves into view. */
  get isFollowing() {
    return this.isAtEnd && !this.#isPinned;
  }

  /** True if the start is less than one screen away. */
  get isNearStart() {
    return this.#extent.before < this.#extent.height;
  }

  /** True if the end is more than one screen away. */
  get isFarFromEnd() {
    return this.isCut || this.#extent.after > this.#extent.height;
  }

  /** True if the last row is less than one screen away. */
  get isNearLast() {
    return this.#extent.after < this.#extent.height;
  }

  /** Those of them that stay where they are among the others. @returns {Element[]} */
  get anchors() {
    return this.inView.filter(isAnchor);
  }

  /** @param {boolean} isPinned */
  pin(isPinned) {
    if (isPinned === this.#isPinned) return;
    this.#noteScroll(); // The pointer may have left because the reader has scrolled, which is told later.
    this.measure();
    this.#isPinned = isPinned;
    if (!isPinned) this.dispatchEvent(new Event("settle"));
  }

  /** Before a change that draws it all: no longer pinned, if what has pinned the box is gone. @param {boolean} isInUse */
  unpinUnless(isInUse) {
    this.#isPinned &&= isInUse;
  }

  /** The reader asks for the end: go there with the next change, whatever has pinned the box. */
  follow() {
    this.isAtEnd = true;
    this.#isPinned = false;
  }

  toEnd() {
    this.#box.scrollTop = this.#box.scrollHeight;
    this.measure();
  }

  /**
   * Change the content. A reader at the end stays at the end; for another reader, or while the box is pinned, nothing moves.
   * @param {() => void} change - of the rows
   */
  keep(change) {
    const before = this.isFollowing ? [] : this.anchors.map((row) => ({ row, bottom: bottomOf(row) }));
    const last = this.#list.lastElementChild;
    change();
    if (this.isFollowing) return this.#stayAtEnd(last);
    const kept = before.find(({ row }) => row.isConnected);
    if (kept) this.#move(bottomOf(kept.row) - kept.bottom);
    this.measure();
  }

  /** Put a row at its former place in the box. @param {Element} row @param {number} bottom - as `placeOf` gave it */
  put(row, bottom) {
    this.#move(bottomOf(row) - topOf(this.#box) - bottom);
    this.measure();
  }

  /** @param {Element} row @returns {number} where its lower edge is in the box */
  placeOf(row) {
    return bottomOf(row) - topOf(this.#box);
  }

  /** A new message that is taller than the box is shown from its top. @param {Element | null} lastBefore */
  #stayAtEnd(lastBefore) {
    const last = this.#list.lastElementChild;
    const isTall = last && last !== lastBefore && last.getBoundingClientRect().height > this.#box.clientHeight;
    if (!isTall) return this.toEnd();
    this.#move(topOf(last) - topOf(this.#box));
    this.measure();
  }

  /** @param {number} distance */
  #move(distance) {
    if (distance !== 0) this.#box.scrollTop += distance;
  }

  /** Note where the reader is: whoever asks later makes the browser lay out nothing. */
  measure() {
    const { scrollHeight, scrollTop, clientHeight, clientWidth } = this.#box;
    const after = scrollHeight - scrollTop - clientHeight;
    this.#extent = { before: scrollTop, height: clientHeight, width: clientWidth, after };
    this.inView = this.#rowsInView();
    this.isNewestInView = !this.isCut && this.inView.at(-1) === (this.#list.lastElementChild ?? undefined);
    this.isAtEnd = (!this.isCut && after < NEAR_END) || (this.#isPinned && this.isAtEnd);
    const row = this.isFollowing ? undefined : this.anchors[0];
    this.#anchor = row && { row, bottom: this.placeOf(row) };
  }

  #rowsInView() {
    const { top, bottom } = this.#box.getBoundingClientRect();
    const rows = this.#list.children;
    const first = firstOf(rows, (row) => bottomOf(row) > top);
    const end = firstOf(rows, (row) => Math.min(bottomOf(row), topOf(row) + IN_VIEW) > bottom);
    return [...rows].slice(first, Math.max(first + 1, end));
  }

  #onScroll() {
    // The event of a scroll to the end may come when the box is smaller already, and before that is told.
    const { clientHeight, clientWidth } = this.#box;
    const isResized = clientHeight !== this.#extent.height || clientWidth !== this.#extent.width;
    if (!isResized) this.#noteScroll();
    if (isResized && this.isFollowing && !this.isHeld) this.toEnd();
    else this.measure();
    this.#settleSoon();
    this.dispatchEvent(new Event("move"));
  }

  /** A reader who scrolls is where they scroll to. */
  #noteScroll() {
    if (this.#box.scrollTop !== this.#extent.before) this.isAtEnd = false; // until it is measured
  }

  #onResize() {
    if (this.isFollowing) this.toEnd();
    else if (this.#anchor?.row.isConnected) this.put(this.#anchor.row, this.#anchor.bottom);
  }

  /** @param {TouchEvent} event */
  #onTouch({ type, touches }) {
    this.#fingers = touches.length;
    if (type === "touchstart") this.isHeld = true;
    else this.#settleSoon();
  }

  #settleSoon() {
    clearTimeout(this.#restTimer);
    if (this.isHeld) this.#restTimer = setTimeout(() => this.#settle(), SETTLED);
  }

  #settle() {
    if (!this.isHeld || this.#fingers > 0) return;
    this.isHeld = false;
    this.dispatchEvent(new Event("settle"));
  }
}

/** A divider moves when earlier messages of its day come. @param {Element} row */
const isAnchor = (row) => !row.matches(".between");

/** @param {Element} element */
const topOf = (element) => element.getBoundingClientRect().top;

/** Rows keep their lower edge, because the upper part of one, such as the name, may vanish. @param {Element} element */
const bottomOf = (element) => element.getBoundingClientRect().bottom;

/** Return the index of the first row that fits; the rows behind it fit, too. @param {HTMLCollection} rows @param {(row: Element) => boolean} fits */
function firstOf(rows, fits) {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (fits(/** @type {Element} */ (rows[middle]))) high = middle;
    else low = middle + 1;
  }
  return low;
}
