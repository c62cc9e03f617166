import { drawQuote } from "./message-view.js";
import { find } from "./dom.js";
import { sendable } from "./text/typed.js";

/** In code points, as the server counts. The property `length` counts UTF-16 units. */
const MAX_MESSAGE = 4000;
/** The counter appears when fewer characters than this remain. */
const COUNT_BELOW = 200;

/**
 * The field for a new message. Dispatches `write` (detail: the text), `typing` at each change, `cancel` if the message
 * is to answer nothing, and `enter` for the button that joins the room again.
 */
export class Composer extends EventTarget {
  #form = find("#composer", HTMLFormElement);
  #field = find("#text", HTMLTextAreaElement);
  #counter = find("#counter", HTMLElement);
  #absence = find("#outside", HTMLElement);
  #enter = find("#enter", HTMLButtonElement);
  #send = find("#send", HTMLButtonElement);
  #answering = find("#answering", HTMLElement);
  #cancel = find("#cancel", HTMLButtonElement);

  constructor() {
    super();
    this.#field.addEventListener("input", () => this.#onInput());
    this.#enter.addEventListener("click", () => this.dispatchEvent(new CustomEvent("enter")));
    this.#field.addEventListener("keydown", (event) => this.#sendOnEnter(event));
    this.#form.addEventListener("keydown", (event) => this.#cancelOnEscape(event));
    this.#cancel.addEventListener("click", () => this.#cancelReply());
    this.#form.addEventListener("submit", (event) => this.#submit(event));
    this.#refresh();
  }

  focus() {
    this.#field.focus();
  }

  /**
   * @param {string} purpose - of the field, or why nothing can be sent now
   * @param {boolean} mayWrite - false: what is in the field stays, and can be copied
   */
  showPurpose(purpose, mayWrite) {
    this.#field.placeholder = purpose;
    this.#field.readOnly = !mayWrite;
    this.#send.disabled = !mayWrite;
    this.#field.title = mayWrite ? "" : purpose; // A draft hides the placeholder.
  }

  /** @param {import("./quotes.js").Quote | null} quote - of the message that the next one answers; null if it answers none */
  showAnswered(quote) {
    drawQuote(this.#answering, quote);
    this.#field.setAttribute("aria-describedby", quote ? "answered counter" : "counter");
  }

  /** @param {string} reason - why the user is not in the room; empty if they are */
  showAbsence(reason) {
    if (this.#absence.hidden === !reason) return;
    const focused = [this.#form, this.#absence].some((part) => part.contains(document.activeElement));
    find(".reason", HTMLElement, this.#absence).textContent = reason;
    this.#absence.hidden = !reason;
    this.#form.hidden = Boolean(reason);
    if (focused) (reason ? this.#enter : this.#field).focus();
  }

  get #text() {
    return sendable(this.#field.value);
  }

  #onInput() {
    this.#refresh();
    if (this.#text) this.dispatchEvent(new CustomEvent("typing"));
  }

  /** @param {KeyboardEvent} event */
  #sendOnEnter(event) {
    // Enter also picks a word in an input method, such as for Japanese. Safari then reports only key code 229
    // (https://bugs.webkit.org/show_bug.cgi?id=165004).
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  /** @param {KeyboardEvent} event */
  #cancelOnEscape(event) {
    if (event.key !== "Escape" || event.isComposing || event.keyCode === 229 || this.#answering.hidden) return;
    event.stopPropagation(); // It also closes the list of members.
    this.#cancelReply();
  }

  #cancelReply() {
    this.dispatchEvent(new CustomEvent("cancel"));
    this.focus(); // The button that had the focus is hidden now.
  }

  /** @param {SubmitEvent} event */
  #submit(event) {
    event.preventDefault();
    if (this.#field.readOnly) return;
    const text = this.#text;
    this.focus(); // A tap on the button took the focus and closed the phone's keyboard.
    if (!text) return;
    this.#field.value = "";
    this.#refresh();
    this.dispatchEvent(new CustomEvent("write", { detail: text }));
  }

  #refresh() {
    const remaining = MAX_MESSAGE - [...this.#text].length;
    const excess = remaining < 0 ? `${-remaining} too many` : "";
    this.#counter.textContent = excess || (remaining < COUNT_BELOW ? `${remaining} left` : "");
    // An invalid field: the browser does not submit the form, and shows this reason.
    this.#field.setCustomValidity(excess && `A message has at most ${MAX_MESSAGE} characters: ${excess}.`);
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight}px`;
  }
}
