import { drawQuote } from "../message/message-view.js";
import { find, isOfInputMethod, setText } from "../dom.js";
import { MessageField } from "./message-field.js";
import { countdownText, slowText } from "../../words/messages/composer.js";

/** Milliseconds. */
const SECOND = 1000;
const SCROLLING = new Set(["PageUp", "PageDown"]);
const SCROLLING_WITH_CONTROL = new Set(["Home", "End"]);

/**
 * The field for a new message. Dispatches `write` (detail: as MessageField's `send`), `draft` (detail: the text so far), `typing` at each change, `cancel` if the message is to answer nothing, and `enter` for
 * the button that joins the room again. In an empty field, the arrow up dispatches `amend-last`, and Ctrl+Z `take-back`.
 * `scroll` (detail: the key) is for the messages.
 */
export class Composer extends EventTarget {
  #form = find("#composer", HTMLFormElement);
  #field = new MessageField(this.#form);
  #absence = find("#outside", HTMLElement);
  #enter = find("#enter", HTMLButtonElement);
  #send = find("#send", HTMLButtonElement);
  #answering = find("#answering", HTMLElement);
  /** @type {import("../../state/room/quotes.js").Quote | null} */
  #answered = null;
  #slowUntil = 0;
  /** @type {any} */
  #slowTimer;

  constructor() {
    super();
    this.#field.addEventListener("input", (event) => {
      const { detail: text } = /** @type {CustomEvent<string>} */ (event);
      this.#tell("draft", text);
      if (text.trim()) this.#tell("typing");
    });
    this.#field.addEventListener("send", (event) => this.#tell("write", /** @type {CustomEvent} */ (event).detail));
    this.#enter.addEventListener("click", () => this.#tell("enter"));
    this.#field.element.addEventListener("keydown", (event) => this.#onKey(event));
    this.#form.addEventListener("keydown", (event) => this.#cancelOnEscape(event));
    find("#cancel", HTMLButtonElement).addEventListener("click", () => this.#cancelReply());
  }

  focus() {
    this.#field.focus();
  }

  /** Write somebody's name where the caret is. @param {string} name */
  mention(name) {
    const { element } = this.#field;
    element.focus();
    const before = element.value.slice(0, element.selectionStart);
    const space = before && !/\s$/u.test(before) ? " " : "";
    element.setRangeText(`${space}@${name} `, element.selectionStart, element.selectionEnd, "end");
    element.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** @param {string} purpose - of the field */
  showPurpose(purpose) {
    const { element } = this.#field;
    if (element.placeholder !== purpose) element.placeholder = purpose;
  }

  /** @param {readonly import("../../state/room/room-people.js").Member[]} people - who are here @param {() => Iterable<string>} rooms */
  offer(people, rooms) {
    this.#field.offer(people, rooms);
  }

  /** Show what was begun in this room. @param {string} text */
  showDraft(text) {
    this.#field.show(text);
  }

  /** @param {import("../../state/room/quotes.js").Quote | null} quote - of the message that the next one answers; null if it answers none */
  showAnswered(quote) {
    if (quote === this.#answered) return;
    this.#answered = quote;
    drawQuote(this.#answering, quote);
    this.#field.element.setAttribute("aria-describedby", quote ? "answered counter" : "counter");
  }

  /**
   * Show why nothing can be written, in place of the field. What was begun stays in it.
   * @param {string} reason - empty if something can @param {boolean} isOutside - the user may try to enter the room again
   */
  showObstacle(reason, isOutside) {
    setText(find(".reason", HTMLElement, this.#absence), reason);
    if (this.#absence.hidden === !reason && this.#enter.hidden === !isOutside) return;
    const focused = [this.#form, this.#absence].some((part) => part.contains(document.activeElement));
    this.#absence.hidden = !reason;
    this.#form.hidden = Boolean(reason);
    this.#enter.hidden = !isOutside;
    if (focused) (!reason ? this.#field : isOutside ? this.#enter : this.#absence).focus();
  }

  /** Count down to the time when slow mode lets the user's next message through. @param {number} until - in milliseconds since 1970 */
  showSlow(until) {
    if (until === this.#slowUntil) return;
    this.#slowUntil = until;
    clearInterval(this.#slowTimer);
    this.#countDown();
    if (until > Date.now()) this.#slowTimer = setInterval(() => this.#countDown(), SECOND);
  }

  #countDown() {
    const seconds = Math.ceil((this.#slowUntil - Date.now()) / SECOND);
    const isOver = seconds <= 0;
    if (isOver) clearInterval(this.#slowTimer);
    this.#send.classList.toggle("slow", !isOver);
    this.#send.dataset.wait = isOver ? "" : countdownText(seconds);
    this.#send.title = isOver ? "" : slowText(seconds);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const { key, shiftKey, altKey } = event;
    if (event.defaultPrevented || shiftKey || altKey || isOfInputMethod(event)) return;
    const isControl = event.ctrlKey || event.metaKey;
    const { isEmpty } = this.#field;
    if (isControl ? SCROLLING_WITH_CONTROL.has(key) : SCROLLING.has(key)) this.#tell("scroll", key);
    else if (isEmpty && !isControl && key === "ArrowUp") this.#tell("amend-last");
    else if (isEmpty && isControl && key === "z") this.#tell("take-back");
    else return;
    event.preventDefault();
  }

  /** @param {KeyboardEvent} event */
  #cancelOnEscape(event) {
    if (event.key !== "Escape" || isOfInputMethod(event) || this.#answering.hidden) return;
    event.stopPropagation(); // It also closes the list of members.
    this.#cancelReply();
  }

  #cancelReply() {
    this.#tell("cancel");
    this.focus(); // The button that had the focus is hidden now.
  }

  /** @param {string} type @param {unknown} [detail] */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
