import { find, isOfInputMethod, setText } from "../dom.js";
import { Late } from "../../late.js";
import { isTouch } from "../touch.js";
import { lengthOf, MAX_MESSAGE, parts, sendable } from "../../text/clean.js";
import { NO_FILES } from "../../words/messages/message-text.js";
import { leftText, SEND, sendPartsText } from "../../words/messages/composer.js";

/** True if the field takes the height of its text by styles/composer.css: the page is laid out once per key then, not thrice. */
const GROWS = CSS.supports("field-sizing", "content");
/** The counter appears when fewer characters than this remain. */
const COUNT_BELOW = 200;

const completing = new Late(() => import("./complete.js"));

/**
 * What was typed: the texts that it is sent as, one per message, and who was `picked` of the people that it may mention.
 *
 * @typedef {{typed: string, texts: string[], picked: import("./complete.js").Member[]}} Written
 */

/**
 * A field for a message, in a form with a button. It grows with its text, completes names, and what is too long goes as
 * several messages. Enter sends; where fingers type it begins a line, and the button sends. Ctrl+Enter always sends.
 * Dispatches `send` (detail: a Written) and `input` (detail: the text so far).
 */
export class MessageField extends EventTarget {
  #form;
  #field;
  #list;
  /** @type {import("./complete.js").Completion | undefined} from the first input on */
  #completion;
  /** @type {Parameters<import("./complete.js").Completion["offer"]>} */
  #offered = [[], () => []];
  #counter;
  #button;

  /** @param {HTMLFormElement} form - with a field, a list, a counter and a button */
  constructor(form) {
    super();
    this.#form = form;
    this.#field = find("textarea", HTMLTextAreaElement, form);
    this.#list = find(".completions", HTMLUListElement, form);
    this.#counter = find(".counter", HTMLElement, form);
    this.#button = find(".send", HTMLButtonElement, form);
    this.#field.addEventListener("input", () => {
      this.#refresh();
      if (!this.#completion) completing.use((part) => this.#complete(part), () => {});
      this.dispatchEvent(new CustomEvent("input", { detail: this.#field.value }));
    });
    this.#field.addEventListener("paste", ({ clipboardData }) => this.#onPaste(clipboardData));
    this.#field.addEventListener("keydown", (event) => this.#sendOnEnter(event));
    this.#form.addEventListener("submit", (event) => this.#submit(event));
    this.#field.enterKeyHint = isTouch() ? "enter" : "send";
    this.#refresh();
  }

  get element() {
    return this.#field;
  }

  get isEmpty() {
    return this.#field.value === "";
  }

  focus() {
    this.#field.focus();
  }

  /** @param {readonly import("./complete.js").Member[]} people - who are here @param {() => Iterable<string>} rooms - that the user knows */
  offer(people, rooms) {
    this.#offered = [people, rooms];
    this.#completion?.offer(people, rooms);
  }

  /** @param {string} text */
  show(text) {
    if (text === this.#field.value) return; // Else the cursor would move.
    this.#completion?.forget();
    this.#field.value = text;
    this.#refresh();
  }

  /** Complete names from now on. @param {typeof import("./complete.js")} part */
  #complete({ Completion }) {
    if (this.#completion) return;
    this.#completion = new Completion(this.#field, this.#list, this.#offered);
  }

  /** Say that a pasted picture is not there, until something is typed. @param {DataTransfer | null} pasted */
  #onPaste(pasted) {
    if (pasted?.files.length && !pasted.getData("text")) this.#counter.textContent = NO_FILES;
  }

  /** @param {KeyboardEvent} event */
  #sendOnEnter(event) {
    if (event.key !== "Enter" || event.defaultPrevented || isOfInputMethod(event)) return;
    const isAsked = event.ctrlKey || event.metaKey;
    if (!isAsked && (event.shiftKey || isTouch())) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  /** @param {SubmitEvent} event */
  #submit(event) {
    event.preventDefault();
    const { value: typed } = this.#field;
    const texts = parts(typed);
    this.focus(); // A tap on the button took the focus and closed the phone's keyboard.
    if (texts.length === 0) return;
    const picked = this.#completion?.picked ?? [];
    this.show("");
    this.dispatchEvent(new CustomEvent("send", { detail: /** @type {Written} */ ({ typed, texts, picked }) }));
  }

  #refresh() {
    const remaining = MAX_MESSAGE - lengthOf(sendable(this.#field.value));
    setText(this.#counter, remaining >= 0 && remaining < COUNT_BELOW ? leftText(remaining) : "");
    const isLong = remaining < 0;
    this.#button.classList.toggle("many", isLong);
    setText(find("span", HTMLElement, this.#button), isLong ? sendPartsText(parts(this.#field.value).length) : SEND);
    if (GROWS) return;
    this.#field.style.blockSize = "auto";
    this.#field.style.blockSize = `${this.#field.scrollHeight + 2}px`; // with its borders
  }
}
