import { find } from "../dom.js";
import { searchedText } from "../../words/search.js";
import { shortTime } from "../../words/time.js";

/** Characters of a message's text that a result shows. */
const MAX_TEXT = 300;

/**
 * The search in the pane: a field, what was found, and a day to go to. Dispatches `search` (detail: the query; empty ends
 * it), `further` (look further back), `find` (detail: the seq of the message to go to) and `day` (detail: a Date, the
 * beginning of a day).
 */
export class SearchView extends EventTarget {
  #form = find("#search-form", HTMLFormElement);
  #field = find("#query", HTMLInputElement);
  #day = find("#go-to-day", HTMLInputElement);
  #results = find("#results", HTMLElement);
  #state = find("#searched", HTMLElement);
  #further = find("#further", HTMLButtonElement);

  constructor() {
    super();
    this.#form.addEventListener("submit", () => this.submit());
    this.#field.addEventListener("search", () => !this.#field.value && this.#tell("search", "")); // The field's own cross.
    this.#day.addEventListener("change", () => {
      const day = new Date(`${this.#day.value}T00:00`); // In the reader's time zone.
      if (!Number.isNaN(day.getTime())) this.#tell("day", day);
    });
    this.#further.addEventListener("click", () => this.#tell("further"));
    this.#results.addEventListener("click", ({ target }) => {
      const line = target instanceof Element && target.closest("button");
      if (line) this.#tell("find", Number(line.dataset.seq));
    });
  }

  /** Search for what stands in the field. */
  submit() {
    this.#tell("search", this.#field.value.trim());
  }

  /** @param {import("../../state/history/search.js").Found | null} found - null: nothing is searched for */
  show(found) {
    this.#results.replaceChildren(...(found?.messages ?? []).map(drawResult));
    this.say(found ? searchedText(found) : "");
    this.#further.hidden = !found || found.earlier === "start";
    this.#further.disabled = found?.earlier === "searching";
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

/** @param {import("../../state/history/search.js").Searched} message */
function drawResult({ seq, name, text, at, mine }) {
  const line = find("li", HTMLElement, /** @type {DocumentFragment} */ (template.content.cloneNode(true)));
  find("button", HTMLButtonElement, line).dataset.seq = String(seq);
  find(".name", HTMLElement, line).textContent = mine ? "You" : name;
  find(".text", HTMLElement, line).textContent = text.slice(0, MAX_TEXT);
  const time = find("time", HTMLTimeElement, line);
  const when = new Date(at);
  if (Number.isNaN(when.getTime())) return line;
  time.dateTime = at;
  time.textContent = shortTime(when);
  return line;
}
