import { find } from "./dom.js";
import { isTouch } from "./touch.js";
import { BACK } from "../words/messages/actions.js";

/**
 * A line of a menu: with `run` it does something, with `items` it leads to a menu of its own, with neither it tells.
 *
 * @typedef {object} MenuItem
 * @property {string} label
 * @property {string} [hint] - the key that does the same, or what is in force
 * @property {boolean} [checked] - it is one of several that may hold, and does or does not
 * @property {boolean} [isGrave] - it takes something away
 * @property {() => void} [run]
 * @property {MenuItem[]} [items]
 */

/** CSS pixels between the menu and what it belongs to, and the edges of the window. */
const GAP = 4;

/**
 * The one menu of the page. On touch it is a sheet from below. The browser closes it, and gives the focus back. Its anchor
 * dispatches `menu` (detail: `isOpen`), which bubbles.
 */
class Menu {
  #box = find("#menu", HTMLElement);
  #anchor = /** @type {Element} */ (this.#box);
  #place = new DOMRect(); // of the anchor when the menu was opened: it may hide once the menu has the focus
  /** @type {HTMLButtonElement | undefined} */
  #back;

  constructor() {
    // Told late, when what was chosen has begun.
    this.#box.addEventListener("toggle", () => this.#box.matches(":popover-open") || this.#tell(false));
    this.#box.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** @param {Element} anchor - what it belongs to @param {string} label @param {MenuItem[]} items */
  open(anchor, label, items) {
    if (!anchor.isConnected) return; // It went while this was loading.
    this.#belongTo(anchor);
    this.#list(label, items);
  }

  /** Show something else than lines, with the same manners. @param {Element} anchor @param {string} label @param {HTMLElement} panel */
  openPanel(anchor, label, panel) {
    if (!anchor.isConnected) return;
    this.#belongTo(anchor);
    this.#show("dialog", label, [panel]);
  }

  /** @param {Element} anchor */
  #belongTo(anchor) {
    if (this.#anchor !== anchor) this.#tell(false);
    this.#anchor = anchor;
    this.#tell(true);
    this.#place = anchor.getBoundingClientRect();
  }

  /** Tell those around the anchor whether something is open that belongs to it. @param {boolean} isOpen */
  #tell(isOpen) {
    this.#anchor.dispatchEvent(new CustomEvent("menu", { bubbles: true, detail: { isOpen } }));
  }

  close() {
    if (this.#box.matches(":popover-open")) this.#box.hidePopover();
  }

  /** @param {string} role @param {string} label @param {HTMLElement[]} content */
  #show(role, label, content) {
    const box = this.#box;
    box.role = role;
    box.ariaLabel = label;
    box.replaceChildren(...content);
    if (!box.matches(":popover-open")) {
      this.#anchor.closest("dialog, main, nav")?.append(box); // Outside of a modal dialog, nothing could be pressed.
      box.showPopover();
    }
    this.#put();
    this.#stops[0]?.focus({ preventScroll: true });
  }

  /** @param {string} label @param {MenuItem[]} items @param {() => void} [back] - to the menu that led here */
  #list(label, items, back) {
    const lines = items.map((item) => {
      const button = drawItem(item);
      const { run, items: further } = item;
      if (further) button.addEventListener("click", () => this.#list(item.label, further, () => this.#list(label, items, back)));
      else if (run) button.addEventListener("click", () => {
        this.close();
        run();
      });
      return button;
    });
    this.#back = back ? drawItem({ label: BACK, run: back }) : undefined;
    if (back) this.#back?.addEventListener("click", back);
    this.#show("menu", label, this.#back ? [this.#back, ...lines] : lines);
  }

  /** Below what it belongs to, or above where there is no room. */
  #put() {
    const { classList, style } = this.#box;
    classList.toggle("sheet", isTouch());
    style.inset = "";
    if (isTouch()) return;
    const { top, bottom, left, right } = this.#place;
    const { width, height } = this.#box.getBoundingClientRect();
    const isRightToLeft = getComputedStyle(this.#anchor).direction === "rtl";
    const fits = bottom + GAP + height <= innerHeight;
    const y = Math.max(GAP, fits ? bottom + GAP : Math.min(top - GAP, innerHeight - GAP) - height);
    const x = Math.min(Math.max(GAP, isRightToLeft ? left : right - width), innerWidth - width - GAP);
    style.inset = `${y}px auto auto ${x}px`;
  }

  get #stops() {
    return /** @type {HTMLElement[]} */ ([...this.#box.querySelectorAll("button, input")]);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const { key, target } = event;
    if (key === "Escape") return event.stopPropagation(); // It closes this, and nothing else.
    if (key === "Tab" && this.#box.role === "menu") return this.close();
    if (target instanceof HTMLInputElement) return;
    const stops = this.#stops;
    const at = stops.indexOf(/** @type {HTMLElement} */ (target));
    const isPanel = this.#box.role === "dialog";
    if (key === "ArrowDown" || (isPanel && key === "ArrowRight")) stops[(at + 1) % stops.length]?.focus();
    else if (key === "ArrowUp" || (isPanel && key === "ArrowLeft")) stops.at(at - 1)?.focus();
    else if (key === "Home") stops[0]?.focus();
    else if (key === "End") stops.at(-1)?.focus();
    else if (key === "ArrowRight" && stops[at]?.ariaHasPopup) stops[at].click();
    else if (key === "ArrowLeft") this.#back?.click();
    else return event.key.length === 1 && key !== " " ? event.stopPropagation() : undefined; // No key of the message below.
    event.preventDefault();
    event.stopPropagation();
  }
}

/** @param {MenuItem} item @returns {HTMLButtonElement} */
function drawItem({ label, hint = "", checked, isGrave = false, run, items }) {
  const button = document.createElement("button");
  button.type = "button";
  button.role = checked === undefined ? "menuitem" : "menuitemradio";
  if (checked !== undefined) button.ariaChecked = String(checked);
  if (items) button.ariaHasPopup = "menu";
  if (!items && !run) button.ariaDisabled = "true";
  button.classList.toggle("grave", isGrave);
  const [name, note] = [document.createElement("span"), document.createElement("small")];
  name.textContent = label;
  note.textContent = hint;
  button.append(name, ...(hint ? [note] : []));
  return button;
}

export const menu = new Menu();
