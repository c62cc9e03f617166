import { find, setText } from "./dom.js";
import { troubleText } from "../words/connection.js";

/** Milliseconds. A connection that is back sooner is no trouble. */
const GRACE = 1000;

/** Trouble with the connection, above the field for a message. Dispatches `retry` if the user does not want to wait. */
export class Strip extends EventTarget {
  #strip = find("#strip", HTMLElement);
  #text = find("#trouble", HTMLElement);
  #retry = find("#retry", HTMLButtonElement);
  /** @type {import("../words/connection.js").Trouble} */
  #trouble = { state: "open", waiting: 0, nextAttemptIn: null, tokenFrom: null };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  constructor() {
    super();
    this.#retry.addEventListener("click", () => this.dispatchEvent(new CustomEvent("retry")));
  }

  /** @param {Partial<import("../words/connection.js").Trouble>} news */
  show(news) {
    this.#trouble = { ...this.#trouble, ...news };
    const { state, nextAttemptIn } = this.#trouble;
    const isFine = state === "open" || state === "connecting" || state === "idle";
    if (isFine) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#strip.hidden = true;
    } else if (this.#strip.hidden && state === "reconnecting") {
      this.#timer ??= setTimeout(() => this.#draw(), GRACE);
    } else {
      this.#draw();
    }
    this.#retry.hidden = nextAttemptIn === null;
  }

  #draw() {
    const text = troubleText(this.#trouble);
    this.#strip.hidden = !text;
    setText(this.#text, text);
  }
}
