import { find } from "./dom.js";
import { continues, drawEntry, redrawEntry } from "./message-view.js";
import { Scroll } from "./scroll-anchor.js";

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
  outside: "",
};

/**
 * The messages on the screen. Dispatches `again` (detail: the refused message to send again), `moderate` (detail: the
 * message, and what to do about it), and `earlier` when its reader comes near to the oldest one.
 */
export class MessageList extends EventTarget {
  #box = find("#scroll", HTMLElement);
  #earlier = find("#earlier", HTMLElement);
  #more = find("#more", HTMLButtonElement);
  #empty = find("#empty", HTMLElement);
  #newer = find("#newer", HTMLButtonElement);
  // Screen readers read out what is added to the present, which is a log, and not what is loaded into the past.
  #past = find("#past", HTMLOListElement);
  #present = find("#present", HTMLOListElement);
  #scroll = new Scroll(this.#box);
  /** @type {Map<string, {element: HTMLElement, entry: Entry}>} by id */
  #items = new Map();
  #fresh = 0;
  #hasMore = false;

  constructor() {
    super();
    this.#scroll.addEventListener("move", () => this.#look());
    this.#box.addEventListener("click", ({ target }) => this.#press(target));
    this.#more.addEventListener("click", () => this.dispatchEvent(new CustomEvent("earlier")));
    this.#newer.addEventListener("click", () => {
      this.#scroll.toEnd();
      this.#look();
    });
  }

  get isAtEnd() {
    return this.#scroll.isAtEnd;
  }

  /** @param {string} room */
  showRoom(room) {
    find(".room", HTMLElement, this.#empty).textContent = `#${room}`;
  }

  /** @param {readonly Entry[]} entries @param {{earlier: Earlier, follow: boolean, fresh: number}} change */
  show(entries, { earlier, follow, fresh }) {
    if (follow) this.#scroll.toEnd();
    this.#scroll.keep(() => {
      this.#showEarlier(earlier, entries.length === 0);
      this.#arrange(entries);
    });
    this.#count(this.#fresh + fresh);
    this.#look();
  }

  /** @param {Earlier} earlier @param {boolean} empty */
  #showEarlier(earlier, empty) {
    this.#hasMore = earlier === "more";
    this.#empty.hidden = !empty || earlier !== "start";
    const asks = earlier === "more" || earlier === "loading";
    const [shown, other] = asks ? [this.#more, this.#earlier] : [this.#earlier, this.#more];
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
      element.classList.toggle("follows", continues(entry, entries[index - 1]));
      return element;
    });
    const firstLive = entries.findIndex(({ live }) => live);
    const end = firstLive < 0 ? entries.length : firstLive;
    fill(this.#past, elements.slice(0, end));
    fill(this.#present, elements.slice(end));
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
  #press(target) {
    const button = target instanceof Element && target.closest("button");
    const item = button && [...this.#items.values()].find(({ element }) => element.contains(button));
    if (!item) return;
    this.#box.focus({ preventScroll: true });
    const { act } = button.dataset;
    button.closest("details")?.removeAttribute("open");
    const detail = act ? { act, message: item.entry } : item.entry;
    this.dispatchEvent(new CustomEvent(act ? "moderate" : "again", { detail }));
  }

  /** Sees where the reader is. */
  #look() {
    if (this.#scroll.isAtEnd) this.#count(0);
    if (this.#hasMore && this.#scroll.isNearStart) this.dispatchEvent(new CustomEvent("earlier"));
  }

  /** @param {number} fresh - how many came since the reader left the end */
  #count(fresh) {
    this.#fresh = fresh;
    this.#newer.textContent = fresh === 1 ? "1 new message" : `${fresh} new messages`;
    if (fresh > 0) this.#newer.hidden = false;
    else this.#hide(this.#newer);
  }

  /** @param {HTMLElement} element - which would take the focus along */
  #hide(element) {
    if (element.contains(document.activeElement)) this.#box.focus({ preventScroll: true });
    element.hidden = true;
  }
}

/** @param {HTMLElement} list @param {HTMLElement[]} elements - what it is to hold; what is there stays untouched */
function fill(list, elements) {
  elements.forEach((element, index) => {
    const present = list.children[index] ?? null;
    if (present !== element) list.insertBefore(element, present);
  });
}
