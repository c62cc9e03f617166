import { Arrivals } from "./arrivals.js";
import { find, isOfInputMethod } from "../dom.js";
import { dividersAmong, isDivider, newestSeq, textOf } from "./items.js";
import { ListHead } from "./list-head.js";
import { isEditable, MessageTools } from "../message/message-tools.js";
import { drawThread } from "../message/message-view.js";
import { Reader } from "./reader.js";
import { RovingFocus } from "./roving-focus.js";
import { Rows } from "./rows.js";
import { ScrollAnchor } from "./scroll-anchor.js";
import { WaySigns } from "./way-signs.js";
import { rangeAround, rangeAtEnd, rangeWhileHeld } from "./window.js";

/** Milliseconds for which a message that was gone to is marked. */
const FOUND = 2000;

/**
 * @typedef {import("../../state/room/days.js").Item} Item
 * @typedef {import("../../state/room/timeline.js").MessageEntry} MessageEntry
 * @typedef {import("../../state/history/room-history.js").Earlier} Earlier
 * @typedef {import("../../state/history/room-history.js").Later} Later
 * @typedef {import("../../../roomcast.js").ConnectionState} ConnectionState
 * @typedef {{room: string, items: readonly Item[], earlier: Earlier, later: Later, sought: number,
 *   connection: ConnectionState, lastReplies: ReadonlyMap<number, string>}} Conversation - `sought`: the seq of a message
 *   that is to be brought into view, or 0
 */

/**
 * The messages on the screen; of thousands, those around the view are in the document. Dispatches `action` (as
 * MessageTools), `earlier` and `later` when the oldest or the newest message here is almost in view, `newest` (show the
 * newest messages, which are not here), `find` (a seq that is not here), `found` (the sought one is in view), `look`,
 * `seen` and `attention` (as Reader), and `dismiss` to take the line "new" away.
 */
export class MessageList extends EventTarget {
  #box = find("#scroll", HTMLElement);
  #list = find("#messages", HTMLOListElement);
  #head = new ListHead(() => this.#takeFocus());
  #signs = new WaySigns(() => this.#takeFocus());
  #rows = new Rows(this.#list);
  #scroll = new ScrollAnchor(this.#box, this.#list);
  #reader = new Reader();
  #tools = new MessageTools(this.#box, (element) => this.#messageOf(element));
  #roving = new RovingFocus(this.#box, { list: this.#list, rows: this.#rows, reveal: (index) => this.#reveal(index, "nearest") });
  /** @type {Conversation} */
  #shown = { room: "", items: [], earlier: "joining", later: "end", sought: 0, connection: "idle", lastReplies: new Map() };
  #next = this.#shown;
  /** @type {readonly number[]} the indexes of the dividers among the items */
  #dividers = [];
  #range = rangeAtEnd(0);
  /** @type {Map<string, {id: string, bottom: number} | null>} where the reader was, by room; null at the end */
  #places = new Map();
  #unseen = 0;
  #arrivals = new Arrivals();
  #isAsked = false; // to go to the end with the next drawing

  constructor() {
    super();
    this.#scroll.addEventListener("move", () => this.#follow());
    this.#scroll.addEventListener("settle", () => this.show(this.#next));
    this.#tools.addEventListener("use", () => this.#scroll.pin(this.#tools.isInUse));
    this.#tools.addEventListener("action", (event) => this.#do(/** @type {CustomEvent} */ (event).detail));
    this.#head.addEventListener("earlier", () => this.#tell("earlier", undefined));
    this.#signs.addEventListener("newest", () => this.#goToEnd());
    this.#signs.addEventListener("news", () => this.#reveal(this.#newsIndex, "center"));
    for (const type of ["look", "seen", "attention"]) {
      this.#reader.addEventListener(type, (event) => this.#tell(type, /** @type {CustomEvent} */ (event).detail));
    }
    document.addEventListener("keydown", (event) => this.#onEscape(event));
  }

  get isAtEnd() {
    return this.#scroll.isAtEnd;
  }

  /** Go to the end with the next drawing. */
  follow() {
    this.#isAsked = true;
  }

  /** @param {Conversation} conversation */
  show(conversation) {
    this.#next = conversation;
    const isOther = conversation.room !== this.#shown.room;
    // A write to `scrollTop` would stop the finger, or the momentum that it gave.
    if (this.#scroll.isHeld && !isOther && !this.#isAsked) return;
    this.#scroll.unpinUnless(this.#tools.isInUse);
    const place = isOther ? this.#turnTo(conversation.room) : undefined;
    this.#shown = conversation;
    const { items } = conversation;
    this.#dividers = dividersAmong(items);
    const placed = place ? items.findLastIndex(({ id }) => id === place.id) : -1;
    if (this.#isAsked) this.#scroll.follow();
    this.#isAsked = false;
    if (place && placed >= 0) this.#returnTo(placed, place.bottom);
    else this.#scroll.keep(() => this.#showNews(this.#newRange(), place === undefined && this.#scroll.isFollowing));
    this.#showSought(conversation.sought);
    this.#position();
    this.showUnseen(this.#unseen);
  }

  /** @param {number} unseen - how many messages of others were not in view yet */
  showUnseen(unseen) {
    this.#unseen = unseen;
    this.#signs.showEnd({ isShown: !this.#scroll.isNewestInView || this.#scroll.isFarFromEnd, unseen });
  }

  /** Show the times again: today's have become yesterday's. */
  redraw() {
    this.#rows.redraw();
  }

  /** Another room is shown: keep the reader's place in this one. @param {string} room @returns {{id: string, bottom: number} | null} */
  #turnTo(room) {
    const [first] = this.isAtEnd ? [] : this.#scroll.anchors;
    const row = first && this.#rows.rowOf(first);
    this.#places.set(this.#shown.room, row ? { id: row.item.id, bottom: this.#scroll.placeOf(first) } : null);
    this.#scroll.follow();
    this.#reader.reset();
    this.#head.showRoom(room);
    return this.#places.get(room) ?? null;
  }

  /** @param {import("./window.js").Range} range @param {boolean} arrive - what has come */
  #showNews(range, arrive) {
    const added = this.#arrange(range);
    if (arrive) this.#arrivals.show(added);
  }

  /** @param {import("./window.js").Range} range @returns {import("./rows.js").Row[]} the rows that came to the document */
  #arrange(range) {
    const { items, earlier, later, connection } = this.#shown;
    this.#range = range;
    this.#head.show({ earlier, connection, isEmpty: items.length === 0, isCut: range.from > 0 });
    const added = this.#rows.show(items, range);
    this.#scroll.isCut = range.to < items.length || later !== "end";
    for (const { view, item } of this.#rows.all()) {
      if (item.kind === "message" && item.replies > 0) drawThread(view, item, this.#shown.lastReplies.get(item.seq));
    }
    return added;
  }

  /** @returns {import("./window.js").Range} */
  #newRange() {
    const { items } = this.#shown;
    const { inView } = this.#scroll;
    for (const element of inView) {
      const row = this.#rows.rowOf(element);
      if (!row || isDivider(row.item)) continue; // What comes moves it.
      const { id } = row.item;
      const first = items[row.index]?.id === id ? row.index : items.findLastIndex((item) => item.id === id);
      if (first < 0) continue;
      const moved = first - row.index; // Earlier entries came, or went.
      const current = { from: this.#range.from + moved, to: this.#range.to + moved };
      if (this.#scroll.isFollowing) return rangeAtEnd(items.length, current);
      const view = { first, last: Math.min(items.length - 1, first + inView.length) };
      return this.#scroll.isHeld ? rangeWhileHeld(view, items.length, current) : rangeAround(view, items.length, current);
    }
    return rangeAtEnd(items.length);
  }

  /** The reader has scrolled. */
  #follow() {
    const range = this.#newRange();
    if (range.from !== this.#range.from || range.to !== this.#range.to) this.#scroll.keep(() => this.#arrange(range));
    this.#position();
    this.showUnseen(this.#unseen);
  }

  /** React to where the reader is. */
  #position() {
    const { items, earlier, later } = this.#shown;
    const { inView } = this.#scroll;
    const indexOf = (/** @type {Element | undefined} */ element) => (element && this.#rows.rowOf(element)?.index) ?? -1;
    const [first, last] = [indexOf(inView[0]), indexOf(inView.at(-1))];
    this.#roving.show(items, inView);
    const news = this.#newsIndex;
    const isAbove = news >= 0 && news < first;
    this.#signs.showNews(isAbove ? textOf(items[news]) : "");
    const day = this.#dividers.findLast((index) => index <= first && items[index]?.kind === "day") ?? first;
    this.#signs.showDay(day === first ? "" : textOf(items[day]));
    this.#reader.look(newestSeq(items, last));
    const isAtStart = this.#range.from === 0 && this.#scroll.isNearStart;
    if (earlier === "more" && isAtStart) this.#tell("earlier", undefined);
    if (later === "more" && this.#range.to === items.length && this.#scroll.isNearLast) this.#tell("later", undefined);
  }

  get #newsIndex() {
    return this.#dividers.find((index) => this.#shown.items[index]?.kind === "new") ?? -1;
  }

  /** Show an item, wherever it is. @param {number} index @param {"nearest" | "center"} block */
  #reveal(index, block) {
    const { items } = this.#shown;
    this.#scroll.isAtEnd = false;
    if (index < this.#range.from || index >= this.#range.to) {
      const view = { first: index, last: index };
      this.#scroll.keep(() => this.#arrange(rangeAround(view, items.length, { from: -1, to: -1 })));
    }
    this.#elementAt(index)?.scrollIntoView({ block });
    this.#scroll.measure();
    this.#follow();
  }

  /** @param {number} index @param {number} bottom */
  #returnTo(index, bottom) {
    const { items } = this.#shown;
    this.#arrange(rangeAround({ first: index, last: index }, items.length, { from: -1, to: -1 }));
    const element = this.#elementAt(index);
    if (element) this.#scroll.put(element, bottom);
  }

  /** @param {number} index - of an item */
  #elementAt(index) {
    return this.#rows.get(this.#shown.items[index]?.id ?? "")?.element;
  }

  #goToEnd() {
    if (this.#shown.later !== "end") return this.#tell("newest", undefined);
    this.#scroll.follow();
    this.#scroll.keep(() => this.#arrange(rangeAtEnd(this.#shown.items.length)));
    this.#follow();
  }

  /** There was nothing to close. @param {KeyboardEvent} event */
  #onEscape(event) {
    const { key, target, defaultPrevented } = event;
    const isElsewhere = target instanceof Element && target.closest("dialog, [popover], .editing");
    if (key !== "Escape" || defaultPrevented || isOfInputMethod(event) || isElsewhere) return;
    this.#tell("dismiss", undefined);
    this.#goToEnd();
  }

  /** @param {import("../message/message-tools.js").Permissions} permissions - of the user in this room */
  permit(permissions) {
    this.#tools.show(permissions);
  }

  /** Let the user change the last message of their own. */
  editLast() {
    const index = this.#shown.items.findLastIndex((item) => item.kind === "message" && isEditable(item));
    if (index < 0) return;
    this.#reveal(index, "nearest");
    const row = this.#rows.get(this.#shown.items[index]?.id ?? "");
    if (row) this.#tools.edit(row.view);
  }

  /** Scroll as a key of the field asks for. @param {string} key */
  scroll(key) {
    const box = this.#box;
    if (key === "End") return this.#goToEnd();
    if (key === "Home") box.scrollTop = 0;
    else box.scrollBy({ top: box.clientHeight * (key === "PageUp" ? -0.9 : 0.9) });
  }

  /** @param {Element} element @returns {MessageEntry | undefined} */
  #messageOf(element) {
    const item = this.#rows.rowOf(element)?.item;
    return item?.kind === "message" ? item : undefined;
  }

  /** @param {{action: string, message: MessageEntry}} detail */
  #do(detail) {
    if (detail.action === "find") this.#tell("find", detail.message.replyTo);
    else this.#tell("action", detail);
  }

  /** Show a message, and give it the focus: a screen reader goes on there. @param {number} seq - 0: none */
  #showSought(seq) {
    const index = seq ? this.#indexOf(seq) : -1;
    if (index < 0) return;
    this.#reveal(index, "center");
    this.#roving.go(index);
    const view = this.#rows.get(this.#shown.items[index]?.id ?? "")?.view;
    view?.classList.add("found");
    setTimeout(() => view?.classList.remove("found"), FOUND);
    this.#tell("found", undefined);
  }

  /** @param {number} seq */
  #indexOf(seq) {
    return this.#shown.items.findLastIndex((item) => item.kind === "message" && item.seq === seq);
  }

  #takeFocus() {
    this.#box.focus({ preventScroll: true });
  }

  /** @param {string} type @param {unknown} detail */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
