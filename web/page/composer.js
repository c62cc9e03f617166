import { find } from "./dom.js";

/** In code points, which the server counts, and not in UTF-16 units, which `length` does. */
const LONGEST_MESSAGE = 4000;
/** How near to the limit the counter appears. */
const COUNT_BELOW = 200;

/**
 * The field that one writes in. Dispatches `write` (detail: the text), `typing` while one writes, and `enter` when one
 * wants to come into the room after all.
 */
export class Composer extends EventTarget {
  #form = find("#composer", HTMLFormElement);
  #field = find("#text", HTMLTextAreaElement);
  #counter = find("#counter", HTMLElement);
  #outside = find("#outside", HTMLElement);
  #enter = find("#enter", HTMLButtonElement);

  constructor() {
    super();
    this.#field.addEventListener("input", () => this.#changed());
    this.#enter.addEventListener("click", () => this.dispatchEvent(new CustomEvent("enter")));
    this.#field.addEventListener("keydown", (event) => this.#sendOnEnter(event));
    this.#form.addEventListener("submit", (event) => this.#submit(event));
    this.#refresh();
  }

  focus() {
    this.#field.focus();
  }

  /** @param {string} room */
  showRoom(room) {
    this.#field.placeholder = `Message #${room}`;
  }

  /** @param {string} reason - why one cannot write, being outside of the room; empty while one can */
  showOutside(reason) {
    if (this.#outside.hidden === !reason) return;
    const focused = [this.#form, this.#outside].some((part) => part.contains(document.activeElement));
    find(".reason", HTMLElement, this.#outside).textContent = reason;
    this.#outside.hidden = !reason;
    this.#form.hidden = Boolean(reason);
    if (focused) (reason ? this.#enter : this.#field).focus();
  }

  #changed() {
    this.#refresh();
    if (this.#field.value.trim()) this.dispatchEvent(new CustomEvent("typing"));
  }

  /** @param {KeyboardEvent} event */
  #sendOnEnter(event) {
    // Enter also picks a word in an input method, such as for Japanese; Safari then reports key code 229 alone
    // (https://bugs.webkit.org/show_bug.cgi?id=165004).
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  /** @param {SubmitEvent} event */
  #submit(event) {
    event.preventDefault();
    const text = this.#field.value.trim();
    this.focus(); // A tap on the button took the focus, and with it a phone's keyboard.
    if (!text) return;
    this.#field.value = "";
    this.#refresh();
    this.dispatchEvent(new CustomEvent("write", { detail: text }));
  }

  #refresh() {
    const left = LONGEST_MESSAGE - [...this.#field.value.trim()].length;
    const excess = left < 0 ? `${-left} too many` : "";
    this.#counter.textContent = excess || (left < COUNT_BELOW ? `${left} left` : "");
    // The form then refuses to be submitted, and the browser says why.
    this.#field.setCustomValidity(excess && `A message has at most ${LONGEST_MESSAGE} characters: ${excess}.`);
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight}px`;
  }
}
