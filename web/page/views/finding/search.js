import { find } from "../dom.js";
import { excerpt, pieces } from "../../text/found.js";
import { searchedText } from "../../words/search.js";
import { shortTime } from "../../words/time.js";

/** Milliseconds without a key after which what is typed is searched for. */
const PAUSE = 250;

/**
 * The search in the pane: a field, what was found, and a day to go to. Dispatches `search` (detail: the query, after Enter
 * or a pause in typing; empty ends it), `further` (look further back), `find` (detail: the seq of the message to go to) and `day` (detail: a Date, the
 * beginning of a day).
 */
export class SearchView extends EventTarget {
  #form = find("#search-form", HTMLFormElement);
  #field = find("#query", HTMLInputElement);
  #day = find("#go-to-day", HTMLInputElement);
  #results = find("#results", HTMLElement);
  #state = find("#searched", HTMLElement);
  #further = find("#further", HTMLButtonElement);
  #query = ""; // of what is shown
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pause;

  constructor() {
    super();
    this.#form.addEventListener("submit", () => this.submit());
    this.#field.addEventListener("input", () => this.#onInput());
    this.#day.addEventListener("change", () => {
      const day = new Date(`${this.#day.value}T00:00`); // In the reader's time zone.
      if (this.#day.validity.valid && !Number.isNaN(day.getTime())) this.#tell("day", day);
    });
    this.#further.addEventListener("click", () => this.#tell("further"));
    this.#results.addEventListener("click", ({ target }) => {
      const line = target instanceof Element && target.closest("button");
      if (line) this.#tell("find", Number(line.dataset.seq));
    });
  }

  /** Search for what stands in the field. */
  submit() {
    clearTimeout(this.#pause);
    this.#query = this.#field.value.trim();
    this.#tell("search", this.#query);
  }

  /** Also while an input method composes a word: where fingers type, each word is composed, and its end is no input. */
  #onInput() {
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.#field.value.trim() !== this.#query && this.submit(), PAUSE);
  }

  /** Search for nothing any more, also not for what was typed just now. */
  end() {
    clearTimeout(this.#pause);
    this.#query = "";
    this.show(null);
  }

  /** @param {import("../../state/history/search.js").Found | null} found - null: nothing is searched for, or something else now */
  show(found) {
    if (!found) this.#results.replaceChildren();
    // What is drawn stays: one of them may have the focus.
    const further = found?.messages.slice(this.#results.childElementCount) ?? [];
    this.#results.append(...further.map((message) => drawResult(message, this.#query)));
    this.say(found ? searchedText(found) : "");
    const isWhole = !found || found.earlier === "start" || found.earlier === "full";
    if (isWhole && document.activeElement === this.#further) this.#field.focus(); // Hidden, it would lose the focus.
    this.#further.hidden = isWhole;
    this.#further.ariaDisabled = String(found?.earlier === "searching"); // A disabled button would lose the focus.
  }

  /** @param {string} text - about the search */
  say(text) {
    this.#state.textContent = text;
  }

  /** @param {string} type @param {unknown} [detail] */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

const template = find("#result", HTMLTemplateElement);

/** @param {import("../../state/history/search.js").Searched} message @param {string} query */
function drawResult({ seq, name, text, at, mine }, query) {
  const line = find("li", HTMLElement, /** @type {DocumentFragment} */ (template.content.cloneNode(true)));
  find("button", HTMLButtonElement, line).dataset.seq = String(seq);
  find(".name", HTMLElement, line).append(...(mine ? ["You"] : pieces(name, query).map(drawPiece)));
  find(".text", HTMLElement, line).append(...excerpt(text, query).map(drawPiece));
  const time = find("time", HTMLTimeElement, line);
  const when = new Date(at);
  if (Number.isNaN(when.getTime())) return line;
  time.dateTime = at;
  time.textContent = shortTime(when);
  return line;
}

/** @param {import("../../text/found.js").Piece} piece @returns {Node | string} */
function drawPiece({ text, isFound }) {
  if (!isFound) return text;
  const mark = document.createElement("mark");
  mark.textContent = text;
  return mark;
}
