import { find, isOfInputMethod } from "../dom.js";
import { rank } from "../../text/rank.js";
import { KINDS } from "../../words/palette.js";

/** So many lines fit in a low window. */
const MAX_SHOWN = 8;

/**
 * @typedef {object} Choice
 * @property {"room" | "person" | "command" | "search" | "enter"} kind
 * @property {string} text - that a query is compared with
 * @property {string} [hint]
 * @property {() => void} act
 */

/**
 * One field for all that can be gone to and done: what is typed narrows the choices, the arrow keys move among them, Enter
 * takes one. It knows no chat: whoever opens it says what there is.
 */
export class Palette {
  #dialog = find("#palette", HTMLDialogElement);
  #field = find("#sought", HTMLInputElement);
  #list = find("#choices", HTMLElement);
  /** @type {(query: string) => readonly Choice[]} */
  #further = () => [];
  /** @type {readonly Choice[]} */
  #choices = [];
  /** @type {readonly Choice[]} */
  #shown = [];
  #chosen = 0;

  constructor() {
    this.#field.addEventListener("input", () => this.#narrow());
    this.#field.addEventListener("keydown", (event) => this.#onKey(event));
    this.#list.addEventListener("click", ({ target }) => {
      const line = target instanceof Element && target.closest("[role=option]");
      if (line) this.#take([...this.#list.children].indexOf(line));
    });
    // A click beside the dialog has the dialog as its target, and what is in it covers all of it.
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.#dialog.close());
  }

  /**
   * @param {readonly Choice[]} choices - the most recent first: so they stand among equals
   * @param {(query: string) => readonly Choice[]} further - what else can be done with what was typed, after the others
   */
  show(choices, further) {
    this.#choices = choices;
    this.#further = further;
    this.#narrow();
  }

  #narrow() {
    const query = this.#field.value.trim();
    const further = query ? this.#further(query) : [];
    this.#shown = [...rank(query, this.#choices).slice(0, MAX_SHOWN - further.length), ...further];
    this.#list.replaceChildren(...this.#shown.map(drawChoice));
    this.#choose(0);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (isOfInputMethod(event)) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.#choose((this.#chosen + step + this.#shown.length) % Math.max(1, this.#shown.length));
    else if (event.key === "Enter") this.#take(this.#chosen);
    else return;
    event.preventDefault();
  }

  /** @param {number} index */
  #choose(index) {
    this.#chosen = index;
    [...this.#list.children].forEach((line, at) => (line.ariaSelected = String(at === index)));
    const line = this.#list.children[index];
    this.#field.setAttribute("aria-activedescendant", line?.id ?? "");
    line?.scrollIntoView({ block: "nearest" });
  }

  /** @param {number} index */
  #take(index) {
    const choice = this.#shown[index];
    if (!choice) return;
    this.#dialog.close(); // First: the focus goes back, and the act may move it.
    choice.act();
  }
}

/** @param {Choice} choice @param {number} index */
function drawChoice({ kind, text, hint = "" }, index) {
  const line = document.createElement("li");
  line.id = `choice-${index}`;
  line.role = "option";
  line.append(part("span", "sign", KINDS[kind]), " ", part("bdi", "what", text), " ", part("small", "hint", hint));
  return line;
}

/** @param {string} tag @param {string} name @param {string} text */
function part(tag, name, text) {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = text;
  if (name === "sign") element.ariaHidden = "true";
  return element;
}
