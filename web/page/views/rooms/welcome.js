import { find, setText } from "../dom.js";
import { welcomeText } from "../../words/welcome.js";

/**
 * What somebody is asked who comes for the first time. Dispatches `rename` (detail: a name), and `met` if it is not to be
 * asked again.
 */
export class Welcome extends EventTarget {
  #form = find("#welcome", HTMLFormElement);
  #name = find("#called", HTMLInputElement);

  constructor() {
    super();
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#name.value.trim()) this.dispatchEvent(new CustomEvent("rename", { detail: this.#name.value }));
      this.dispatchEvent(new CustomEvent("met"));
    });
    this.#form.addEventListener("reset", () => this.dispatchEvent(new CustomEvent("met")));
  }

  /** @param {string} guest - the name that the server has given; empty: nothing is to be asked */
  show(guest) {
    const [isShown, hasFocus] = [guest !== "", this.#form.contains(document.activeElement)];
    setText(find("label", HTMLLabelElement, this.#form), isShown ? welcomeText(guest) : "");
    this.#form.hidden = !isShown;
    if (!isShown && hasFocus) find("#text", HTMLTextAreaElement).focus();
  }
}
