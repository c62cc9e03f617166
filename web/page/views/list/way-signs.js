import { find, setText } from "../dom.js";
import { newestText } from "../../words/messages/history.js";

/**
 * What lies over the messages: a round button to the newest one, a button up to the new ones, and the day of the first one
 * in view. Dispatches `newest` and `news`.
 */
export class WaySigns extends EventTarget {
  #newest = find("#newest", HTMLButtonElement);
  #count = find(".number", HTMLElement, this.#newest);
  #news = find("#news", HTMLButtonElement);
  #day = find("#day", HTMLElement);
  #onHide;

  /** @param {() => void} onHide - takes the focus from a button that is hidden now */
  constructor(onHide) {
    super();
    this.#onHide = onHide;
    this.#newest.addEventListener("click", () => this.dispatchEvent(new CustomEvent("newest")));
    this.#news.addEventListener("click", () => this.dispatchEvent(new CustomEvent("news")));
  }

  /** @param {{isShown: boolean, unseen: number}} end - is it out of sight, and how many messages are unseen */
  showEnd({ isShown, unseen }) {
    const text = newestText(unseen);
    if (this.#newest.ariaLabel !== text) {
      this.#newest.ariaLabel = text;
      this.#newest.title = text;
      this.#count.textContent = unseen ? String(unseen) : "";
    }
    this.#toggle(this.#newest, isShown);
  }

  /** @param {string} text - of the line above the new messages, if it is above the view; else empty */
  showNews(text) {
    if (text) setText(find(".text", HTMLElement, this.#news), text);
    this.#toggle(this.#news, text !== "");
  }

  /** @param {string} text - of the day of the first message in view; empty if it stands there anyway */
  showDay(text) {
    setText(this.#day, text);
    this.#day.hidden = !text;
  }

  /** @param {HTMLButtonElement} button @param {boolean} isShown */
  #toggle(button, isShown) {
    if (!isShown && button === document.activeElement) this.#onHide();
    button.hidden = !isShown;
  }
}
