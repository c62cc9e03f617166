import { EMOJI } from "../../text/emoji-names.js";
import { fitting, wordAtEnd } from "../../text/completing.js";
import { isOfInputMethod } from "../dom.js";

/**
 * @typedef {import("../../state/room/room-people.js").Member} Member
 * @typedef {{text: string, shown: string, detail: string, inserted: string, person?: Member}} Option
 */

/** @type {readonly Option[]} */
const EMOJI_OPTIONS = EMOJI.map(({ name, emoji }) => ({ text: name, shown: `${emoji} :${name}:`, detail: "", inserted: `${emoji} ` }));

/**
 * Completes the names of people, rooms and emoji in a field for text. The focus stays in the field, which tells screen
 * readers the chosen option of the list.
 */
export class Completion {
  #list;
  #field;
  /** @type {readonly Option[]} what the list offers; empty while it is closed */
  #options = [];
  #chosen = 0;
  /** @type {readonly Member[]} */
  #people = [];
  /** @type {() => Iterable<string>} */
  #rooms = () => [];
  /** @type {Member[]} */
  #picked = [];

  /**
   * @param {HTMLTextAreaElement} field @param {HTMLUListElement} list - with an id
   * @param {Parameters<Completion["offer"]>} offered - at first
   */
  constructor(field, list, offered) {
    this.#field = field;
    this.#list = list;
    this.offer(...offered);
    field.addEventListener("input", () => this.#update());
    field.addEventListener("click", () => this.#update());
    field.addEventListener("blur", () => this.#show([]));
    field.addEventListener("keydown", (event) => this.#onKey(event), { capture: true }); // Before the field's own.
    this.#list.addEventListener("pointerdown", (event) => event.preventDefault()); // The focus stays in the field.
    this.#list.addEventListener("click", ({ target }) => {
      const index = [...this.#list.children].findIndex((item) => target instanceof Node && item.contains(target));
      if (index >= 0) this.#pick(index);
    });
    if (document.activeElement === field) this.#update(); // The user began a word, and may have gone on elsewhere.
  }

  /** The people that were picked since the last call of forget. */
  get picked() {
    return this.#picked;
  }

  /** The field is for another text now. */
  forget() {
    this.#picked = [];
    this.#show([]);
  }

  /** @param {readonly Member[]} people - who are here @param {() => Iterable<string>} rooms - that the user knows */
  offer(people, rooms) {
    this.#people = people;
    this.#rooms = rooms;
  }

  /** Show what fits the word before the caret. */
  #update() {
    const word = this.#word;
    this.#show(word ? fitting(word.query, this.#optionsOf(word.sign)) : []);
  }

  /** @param {"@" | "#" | ":"} sign @returns {readonly Option[]} */
  #optionsOf(sign) {
    if (sign === ":") return EMOJI_OPTIONS;
    if (sign === "@") return this.#people.filter(({ mine }) => !mine).map(optionOfPerson);
    return [...this.#rooms()].map((room) => ({ text: room, shown: `#${room}`, detail: "", inserted: `#${room} ` }));
  }

  get #word() {
    const { selectionStart, selectionEnd, value, readOnly } = this.#field;
    return readOnly || selectionStart !== selectionEnd ? null : wordAtEnd(value.slice(0, selectionEnd));
  }

  /** @param {readonly Option[]} options */
  #show(options) {
    this.#options = options;
    this.#list.hidden = options.length === 0;
    this.#list.replaceChildren(...options.map((option, index) => drawOption(option, `${this.#list.id}-${index}`)));
    if (options.length > 0) this.#choose(0);
    else this.#field.removeAttribute("aria-activedescendant");
  }

  /** @param {number} index */
  #choose(index) {
    this.#chosen = index;
    for (const [at, item] of [...this.#list.children].entries()) item.setAttribute("aria-selected", String(at === index));
    this.#field.setAttribute("aria-activedescendant", this.#list.children[index]?.id ?? "");
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const count = this.#options.length;
    if (count === 0 || isOfInputMethod(event) || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowDown") this.#choose((this.#chosen + 1) % count);
    else if (event.key === "ArrowUp") this.#choose((this.#chosen + count - 1) % count);
    else if (event.key === "Enter" || event.key === "Tab") this.#pick(this.#chosen);
    else if (event.key === "Escape") this.#show([]);
    else return;
    event.preventDefault();
    event.stopImmediatePropagation(); // Enter does not send, Escape does not cancel a reply.
  }

  /** @param {number} index */
  #pick(index) {
    const word = this.#word;
    const option = this.#options[index];
    if (!word || !option) return this.#show([]);
    if (option.person) this.#picked.push(option.person);
    this.#field.setRangeText(option.inserted, word.start, this.#field.selectionEnd, "end");
    this.#show([]);
    this.#field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }
}

/** @param {Member} person @returns {Option} */
function optionOfPerson(person) {
  const { name, tag } = person;
  return { text: name, shown: name, detail: tag, inserted: `@${name} `, person };
}

/** @param {Option} option @param {string} id */
function drawOption({ shown, detail }, id) {
  const item = document.createElement("li");
  item.id = id;
  item.role = "option";
  const text = document.createElement("bdi");
  text.textContent = shown;
  const tag = document.createElement("span");
  tag.className = "tag";
  tag.textContent = detail;
  item.append(text, " ", tag);
  return item;
}
