import { badgeOf, roomMenuTitle, roomTitle, SECTIONS } from "../../words/rooms.js";
import { find } from "../dom.js";
import { folded } from "../../text/names.js";

/**
 * @typedef {import("../../state/rooms/directory.js").Section} Section
 * @typedef {import("../../state/rooms/directory.js").RoomLine} RoomLine
 */

/**
 * The list of rooms. While somebody points into it or has the focus there, each line stays where it is: only what it says
 * changes. The arrow keys lead from room to room, and a letter to the next one that begins with it. Dispatches `choose` (detail: the room) and `menu` (detail: the line and its button).
 */
export class RoomLines extends EventTarget {
  #box = find("#room-lists", HTMLElement);
  #template = find("template#room-line", HTMLTemplateElement);
  /** @type {readonly Section[]} */
  #sections = [];
  /** @type {Map<string, HTMLElement>} by room */
  #elements = new Map();
  /** @type {WeakMap<HTMLElement, RoomLine>} what they show */
  #shown = new WeakMap();
  #order = ""; // of the elements
  #hasPointer = false;

  constructor() {
    super();
    this.#box.addEventListener("pointerenter", ({ pointerType }) => (this.#hasPointer = pointerType === "mouse"));
    this.#box.addEventListener("pointerleave", () => this.#release());
    this.#box.addEventListener("focusout", () => setTimeout(() => this.#arrange()));
    this.#box.addEventListener("click", (event) => this.#onClick(event));
    this.#box.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** @param {readonly Section[]} sections @param {(room: string) => string} linkTo - the address of a room */
  show(sections, linkTo) {
    this.#sections = sections;
    const lines = sections.flatMap(({ lines }) => lines);
    for (const line of lines) this.#draw(line, linkTo);
    const rooms = new Set(lines.map(({ room }) => room));
    for (const [room, element] of this.#elements) {
      if (rooms.has(room)) continue;
      element.remove();
      this.#elements.delete(room);
    }
    this.#arrange();
  }

  get #isWatched() {
    return this.#hasPointer || this.#box.contains(document.activeElement);
  }

  #release() {
    this.#hasPointer = false;
    this.#arrange();
  }

  /** Put every line into its place; while somebody looks, only those that have none. */
  #arrange() {
    if (this.#isWatched && this.#box.children.length > 0) {
      const last = this.#box.querySelector("ul:last-of-type");
      for (const element of this.#elements.values()) if (!element.isConnected) last?.append(element);
      this.#order = "";
      return;
    }
    const order = JSON.stringify(this.#sections.map(({ kind, lines }) => [kind, lines.map(({ room }) => room)]));
    if (order === this.#order) return;
    this.#order = order;
    this.#box.replaceChildren(...this.#sections.flatMap(({ kind, lines }) => {
      const title = document.createElement("h2");
      title.textContent = SECTIONS[kind];
      title.id = `rooms-${kind}`;
      const list = document.createElement("ul");
      list.setAttribute("aria-labelledby", title.id);
      list.append(...lines.flatMap(({ room }) => this.#elements.get(room) ?? []));
      return [title, list];
    }));
  }

  /** @param {RoomLine} line @param {(room: string) => string} linkTo */
  #draw(line, linkTo) {
    const element = this.#elements.get(line.room) ?? this.#make(line.room);
    if (this.#shown.get(element) === line) return;
    this.#shown.set(element, line);
    const { kind, text, told } = badgeOf(line);
    element.className = `room-line ${line.muted ? "muted" : ""} ${kind === "mentions" || kind === "unread" ? "unread" : ""}`;
    const link = find("a", HTMLAnchorElement, element);
    link.href = linkTo(line.room);
    if (line.isOpen) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    const badge = find(".badge", HTMLElement, element);
    badge.textContent = text;
    badge.dataset.kind = kind;
    find(".told", HTMLElement, element).textContent = told && `, ${told}`;
  }

  /** @param {string} room */
  #make(room) {
    const element = /** @type {HTMLElement} */ (this.#template.content.firstElementChild?.cloneNode(true));
    element.dataset.room = room;
    find(".of", HTMLElement, element).textContent = roomTitle(room);
    find("button", HTMLButtonElement, element).setAttribute("aria-label", roomMenuTitle(room));
    this.#elements.set(room, element);
    return element;
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const { key, target, altKey, ctrlKey, metaKey } = event;
    const links = [...this.#box.querySelectorAll("a")];
    const at = links.findIndex((link) => target instanceof Node && link.parentElement?.contains(target));
    if (at < 0 || altKey || ctrlKey || metaKey) return;
    const next = this.#neighbour(links, at, key);
    if (next === undefined) return;
    event.preventDefault(); // A letter is not for the field for a message.
    next?.focus();
  }

  /** @param {HTMLAnchorElement[]} links @param {number} at - the one that has the focus @param {string} key @returns {HTMLAnchorElement | null | undefined} undefined: the key is for others */
  #neighbour(links, at, key) {
    if (key === "ArrowDown") return links[at + 1] ?? null;
    if (key === "ArrowUp") return links[at - 1] ?? null;
    if (key === "Home") return links[0];
    if (key === "End") return links.at(-1);
    if (!/^[\p{L}\p{N}]$/u.test(key)) return undefined;
    const following = [...links.slice(at + 1), ...links.slice(0, at)];
    return following.find((link) => folded(find(".of", HTMLElement, link).textContent ?? "").startsWith(folded(key))) ?? null;
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const { target } = event;
    const element = target instanceof Element ? target.closest("li") : null;
    const room = element?.dataset.room;
    if (!(target instanceof Element) || room === undefined) return;
    const button = target.closest("button");
    const line = this.#sections.flatMap(({ lines }) => lines).find((each) => each.room === room);
    if (button) this.dispatchEvent(new CustomEvent("menu", { detail: { line, button } }));
    if (button || event.ctrlKey || event.metaKey || event.shiftKey) return; // The browser opens a tab or a window.
    event.preventDefault();
    this.dispatchEvent(new CustomEvent("choose", { detail: room }));
  }
}
