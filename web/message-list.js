import { find } from "./dom.js";
import { isFinal, sentenceFor } from "./refusals.js";

/** @typedef {import("./timeline.js").Entry} Entry */

/** How far from the end, in CSS pixels, a reader still counts as being at it. */
const NEAR_END = 48;
/** Messages of one person within this time, in milliseconds, form a block under one name. */
const BLOCK = 5 * 60_000;
const HUES = 12;

const DELIVERY = { sending: "Sending…", sent: "Sent", refused: "Not sent" };
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

/** The messages on the screen. Dispatches `again` (detail: the refused Entry to send again). */
export class MessageList extends EventTarget {
  #log = find("#log", HTMLElement);
  #list = find("#messages", HTMLOListElement);
  #empty = find("#empty", HTMLElement);
  #newer = find("#newer", HTMLButtonElement);
  #message = find("#message", HTMLTemplateElement);
  #refusal = find("#refusal", HTMLTemplateElement);
  /** @type {Map<string, {element: HTMLElement, entry: Entry | null}>} by message id */
  #items = new Map();
  #atEnd = true;
  #fresh = 0;

  constructor() {
    super();
    this.#log.addEventListener("scroll", () => this.#scrolled());
    this.#newer.addEventListener("click", () => {
      this.#toEnd();
      this.#log.focus(); // The button is about to hide, and would take the focus along.
    });
    // A phone's keyboard, or a long draft, takes room from the log: a reader at the end stays there.
    new ResizeObserver(() => this.#atEnd && this.#toEnd()).observe(this.#log);
  }

  /** @param {string} room */
  showRoom(room) {
    find(".room", HTMLElement, this.#empty).textContent = `#${room}`;
  }

  /** @param {readonly Entry[]} entries @param {{follow: boolean, fresh: number}} change */
  show(entries, { follow, fresh }) {
    const stay = follow || this.#atEnd;
    this.#dropAllBut(entries);
    entries.forEach((entry, index) => {
      const element = this.#elementOf(entry);
      element.classList.toggle("follows", continues(entry, entries[index - 1]));
      const present = this.#list.children[index] ?? null;
      if (present !== element) this.#list.insertBefore(element, present);
    });
    this.#empty.hidden = entries.length > 0;
    if (stay) this.#toEnd();
    else this.#announce(this.#fresh + fresh);
  }

  /** @param {readonly Entry[]} entries */
  #dropAllBut(entries) {
    const kept = new Set(entries.map(({ id }) => id));
    for (const [id, { element }] of this.#items) {
      if (kept.has(id)) continue;
      element.remove();
      this.#items.delete(id);
    }
  }

  /** @param {Entry} entry */
  #elementOf(entry) {
    let item = this.#items.get(entry.id);
    if (!item) {
      item = { element: stamp(this.#message), entry: null };
      this.#items.set(entry.id, item);
    }
    if (item.entry !== entry) this.#fill(item.element, entry);
    item.entry = entry;
    return item.element;
  }

  /** @param {HTMLElement} element @param {Entry} entry */
  #fill(element, entry) {
    const { name, text, at, mine, delivery, code, user } = entry;
    const put = (/** @type {string} */ selector, /** @type {string} */ value) => {
      find(selector, HTMLElement, element).textContent = value;
    };
    element.classList.toggle("mine", mine);
    element.dataset.delivery = delivery;
    element.style.setProperty("--hue", String(hueOf(user)));
    put(".avatar", [...name][0]?.toUpperCase() ?? "");
    put(".name", mine ? "You" : name);
    put(".text", text);
    put(".delivery", mine ? DELIVERY[delivery] : "");
    const time = find("time", HTMLTimeElement, element);
    const when = new Date(at);
    const known = !Number.isNaN(when.valueOf());
    time.dateTime = known ? at : "";
    time.textContent = known ? clock.format(when) : "";
    time.title = known ? calendar.format(when) : "";
    element.querySelector(".refusal")?.remove();
    if (delivery === "refused") element.append(this.#explain(entry, sentenceFor(code), isFinal(code)));
  }

  /** @param {Entry} entry @param {string} reason @param {boolean} final */
  #explain(entry, reason, final) {
    const refusal = stamp(this.#refusal);
    find(".reason", HTMLElement, refusal).textContent = reason;
    const again = find(".again", HTMLButtonElement, refusal);
    again.hidden = final;
    again.addEventListener("click", () => {
      this.#log.focus({ preventScroll: true });
      this.dispatchEvent(new CustomEvent("again", { detail: entry }));
    });
    return refusal;
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
    if (this.#atEnd) this.#announce(0);
  }

  #toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#atEnd = true;
    this.#announce(0);
  }

  /** @param {number} fresh - how many came since the reader left the end */
  #announce(fresh) {
    this.#fresh = fresh;
    this.#newer.hidden = fresh === 0;
    this.#newer.textContent = fresh === 1 ? "1 new message" : `${fresh} new messages`;
  }
}

/** @param {HTMLTemplateElement} template @returns {HTMLElement} a copy of its only element */
function stamp(template) {
  return find("*", HTMLElement, /** @type {DocumentFragment} */ (template.content.cloneNode(true)));
}

/** @param {Entry} entry @param {Entry | undefined} previous */
function continues(entry, previous) {
  if (!previous || previous.delivery === "refused" || previous.mine !== entry.mine) return false;
  const samePerson = entry.mine || (entry.user === previous.user && entry.name === previous.name);
  return samePerson && Date.parse(entry.at) - Date.parse(previous.at) < BLOCK;
}

/**
 * One of twelve hues, always the same one for a user; style.css gives it a lightness that can be read.
 * @param {string} user
 */
function hueOf(user) {
  let hash = 0;
  for (const character of user) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) >>> 0;
  return (hash % HUES) * (360 / HUES);
}
