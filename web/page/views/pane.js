import { find, isOfInputMethod } from "./dom.js";

/** From this width on the pane is beside the room. The same as in styles/layout.css. */
const WIDE = "(min-width: 76rem)";

/**
 * The pane at the right: one of its sections at a time, when asked for. In a narrower window it lies over the room, as a
 * modal dialog. Dispatches `change` (detail: the id of the section that is open, or "") when the user opens or closes it.
 */
export class Pane extends EventTarget {
  #dialog = find("#pane", HTMLDialogElement);
  #title = find("#pane-title", HTMLElement);
  #wide = matchMedia(WIDE);
  #section = "";

  constructor() {
    super();
    find("#close-pane", HTMLButtonElement).addEventListener("click", () => this.close());
    this.#dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.close();
    });
    // A click beside a modal dialog has the dialog as its target, and what is in it covers all of it.
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.close());
    this.#wide.addEventListener("change", () => this.#section && this.#show());
    this.#dialog.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !isOfInputMethod(event) && !this.#dialog.matches(":modal")) this.close();
    });
  }

  /** The id of the section that is open, or "". */
  get section() {
    return this.#section;
  }

  /** @param {string} section - the id of an element in the pane @param {string} title */
  open(section, title) {
    this.#title.textContent = title;
    for (const each of this.#dialog.querySelectorAll(":scope > section")) /** @type {HTMLElement} */ (each).hidden = each.id !== section;
    this.#section = section;
    this.#show();
    this.#tell();
  }

  close() {
    if (!this.#section) return;
    this.#section = "";
    this.#dialog.close();
    this.#tell();
  }

  /** Close it where it lies over what is to be seen. */
  closeIfModal() {
    if (!this.#wide.matches) this.close();
  }

  /** A dialog that is open cannot become modal, or stop being so. */
  #show() {
    this.#dialog.close();
    if (this.#wide.matches) this.#dialog.show();
    else this.#dialog.showModal();
  }

  #tell() {
    this.dispatchEvent(new CustomEvent("change", { detail: this.#section }));
  }
}
