import { find } from "./dom.js";
import { continuesBlock, drawEntry, redrawEntry } from "./message-view.js";
import { openEditor } from "./message-editor.js";
import { ScrollAnchor } from "./scroll-anchor.js";

/**
 * @typedef {import("./timeline.js").Entry} Entry
 * @typedef {import("./room-model.js").Earlier} Earlier
 */

/** @type {Record<Earlier, string>} */
const EARLIER = {
  joining: "Loading messages…",
  more: "Show earlier messages",
  loading: "Loading earlier messages…",
  start: "This is where the history begins.",
  failed: "Earlier messages could not be loaded.",
  absent: "",
};

/**
 * The messages on the screen. Dispatches `retry` (detail: the failed message to send again), `reply` (detail: the message
 * to answer), `edit` (the message and its new text), `delete` (the message), `react` (the message and the reaction),
 * `moderate` (the message and the action), and `earlier` when the oldest message is almost in view.
 */
export class MessageList extends EventTarget {
  #box = find("#scroll", HTMLElement);
  #earlier = find("#earlier", HTMLElement);
  #more = find("#more", HTMLButtonElement);
  #empty = find("#empty", HTMLElement);
  #newer = find("#newer", HTMLButtonElement);
  // Two lists: a screen reader reads new messages out (role=log), but not the earlier ones that are loaded.
  #past = find("#past", HTMLOListElement);
  #present = find("#present", HTMLOListElement);
  #scroll = new ScrollAnchor(this.#box);
  /** @type {Map<string, {element: HTMLElement, entry: Entry}>} by id */
  #items = new Map();
  #unseen = 0;
  #hasMore = false;

  constructor() {
    super();
    this.#scroll.addEventListener("move", () => this.#checkPosition());
    this.#box.addEventListener("click", ({ target }) => this.#onClick(target));
    this.#more.addEventListener("click", () => this.dispatchEvent(new CustomEvent("earlier")));
    this.#newer.addEventListener("click", () => {
      this.#scroll.toEnd();
      this.#checkPosition();
    });
  }

  get isAtEnd() {
    return this.#scroll.isAtEnd;
  }

  /** @param {string} room */
  showRoom(room) {
    find(".room", HTMLElement, this.#empty).textContent = `#${room}`;
  }

  /** @param {readonly Entry[]} entries @param {{earlier: Earlier, follow: boolean, newMessages: number}} change */
  show(entries, { earlier, follow, newMessages }) {
    if (follow) this.#scroll.toEnd();
    this.#scroll.keep(() => {
      this.#showEarlier(earlier, entries.length === 0);
      this.#arrange(entries);
    });
    this.#count(this.#unseen + newMessages);
    this.#checkPosition();
  }

  /** @param {Earlier} earlier @param {boolean} empty */
  #showEarlier(earlier, empty) {
    this.#hasMore = earlier === "more";
    this.#empty.hidden = !empty || earlier !== "start";
    const isButton = earlier === "more" || earlier === "loading";
    const [shown, other] = isButton ? [this.#more, this.#earlier] : [this.#earlier, this.#more];
    shown.textContent = EARLIER[earlier];
    shown.hidden = !this.#empty.hidden;
    this.#hide(other);
  }

  /** @param {readonly Entry[]} entries */
  #arrange(entries) {
    const ids = new Set(entries.map(({ id }) => id));
    for (const [id, { element }] of this.#items) {
      if (ids.has(id)) continue;
      element.remove();
      this.#items.delete(id);
    }
    const elements = entries.map((entry, index) => {
      const element = this.#elementOf(entry);
      element.classList.toggle("follows", continuesBlock(entry, entries[index - 1]));
      return element;
    });
    this.#markQuotes();
    const firstLive = entries.findIndex(({ live }) => live);
    const end = firstLive < 0 ? entries.length : firstLive;
    fill(this.#past, elements.slice(0, end));
    fill(this.#present, elements.slice(end));
  }

  /** A quote leads to its message if that one is on the screen. */
  #markQuotes() {
    const items = [...this.#items.values()];
    const seqs = new Set(items.map(({ entry }) => entry.kind === "message" && entry.seq));
    for (const { element, entry } of items) {
      if (entry.kind !== "message" || !entry.quote) continue;
      find(".quote", HTMLButtonElement, element).disabled = !entry.replyTo || !seqs.has(entry.replyTo);
    }
  }

  /** Show the times again: today's have become yesterday's. */
  redraw() {
    for (const { element, entry } of this.#items.values()) redrawEntry(element, entry);
  }

  /** @param {Entry} entry */
  #elementOf(entry) {
    const item = this.#items.get(entry.id) ?? { element: drawEntry(entry), entry };
    if (item.entry !== entry) redrawEntry(item.element, entry);
    item.entry = entry;
    this.#items.set(entry.id, item);
    return item.element;
  }

  /** @param {EventTarget | null} target - of a click */
  #onClick(target) {
    const button = target instanceof Element && target.closest("button");
    const item = button && [...this.#items.values()].find(({ element }) => element.contains(button));
    if (!item || button.closest(".editing")) return;
    const { entry: message, element } = item;
    const { action, reaction } = button.dataset;
    if (!button.closest(".reactions")) this.#box.focus({ preventScroll: true }); // A tool's button is hidden now.
    button.closest("details")?.removeAttribute("open");
    if (reaction) this.#tell("react", { message, reaction });
    else if (action === "edit") this.#edit(message, element);
    else if (action === "find") this.#goToAnswered(message);
    else if (action === "reply" || action === "delete") this.#tell(action, message);
    else if (action) this.#tell("moderate", { action, message });
    else this.#tell("retry", message);
  }

  /** @param {Entry} message @param {HTMLElement} element */
  #edit(message, element) {
    if (message.kind === "message") openEditor(element, message.text, (text) => this.#tell("edit", { message, text }));
  }

  /** Show the message that this one answers, and give it the focus: a screen reader goes on there. @param {Entry} message */
  #goToAnswered(message) {
    const seq = message.kind === "message" && message.replyTo;
    const answered = [...this.#items.values()].find(({ entry }) => entry.kind === "message" && entry.seq === seq);
    if (!seq || !answered) return;
    const { element } = answered;
    element.tabIndex = -1;
    element.addEventListener("blur", () => element.removeAttribute("tabindex"), { once: true });
    element.scrollIntoView({ block: "center" });
    element.focus({ preventScroll: true });
  }

  /** @param {string} type @param {unknown} detail */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** React to where the reader is. */
  #checkPosition() {
    if (this.#scroll.isAtEnd) this.#count(0);
    if (this.#hasMore && this.#scroll.isNearStart) this.dispatchEvent(new CustomEvent("earlier"));
  }

  /** @param {number} unseen - messages that came since the reader left the end */
  #count(unseen) {
    this.#unseen = unseen;
    this.#newer.textContent = unseen === 1 ? "1 new message" : `${unseen} new messages`;
    if (unseen > 0) this.#newer.hidden = false;
    else this.#hide(this.#newer);
  }

  /** @param {HTMLElement} element - a hidden element would lose the focus, so the list takes it */
  #hide(element) {
    if (element.contains(document.activeElement)) this.#box.focus({ preventScroll: true });
    element.hidden = true;
  }
}

/** @param {HTMLElement} list @param {HTMLElement[]} elements - the new content; one in its place is not touched */
function fill(list, elements) {
  elements.forEach((element, index) => {
    const present = list.children[index] ?? null;
    if (present !== element) list.insertBefore(element, present);
  });
}
