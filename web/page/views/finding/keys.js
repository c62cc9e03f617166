import { isOfInputMethod } from "../dom.js";

/** Where typing goes to what has the focus. */
const FIELDS = "input, textarea, select, [contenteditable]";

/**
 * The keys that work anywhere on the page. Dispatches `palette`, `search`, `keys` (show them), `room` (detail: `step` of 1
 * or -1, and `unread`: to the next one with something unread), `region` (detail: the step to the next part of the page)
 * and `type` (the user types outside fields: it belongs into the field for a message).
 */
export class Keys extends EventTarget {
  constructor(target = document) {
    super();
    target.addEventListener("keydown", (event) => this.#onKey(/** @type {KeyboardEvent} */ (event)));
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.defaultPrevented || isOfInputMethod(event)) return;
    const told = this.#meaning(event);
    if (!told) return;
    const [type, detail, keepsDefault] = told;
    if (!keepsDefault) event.preventDefault();
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** @param {KeyboardEvent} event @returns {[string, unknown?, boolean?] | null} an event, its detail, and if the browser acts, too */
  #meaning(event) {
    const { key, altKey, shiftKey } = event;
    const isCommand = event.ctrlKey || event.metaKey;
    const isModal = document.querySelector("dialog:modal") !== null;
    if (isCommand && !altKey && !shiftKey && key.toLowerCase() === "k") return ["palette"];
    if (isModal) return null;
    if (isCommand && !altKey && !shiftKey && key.toLowerCase() === "f") return this.#search(event);
    if (altKey && !isCommand && (key === "ArrowUp" || key === "ArrowDown")) {
      return ["room", { step: key === "ArrowUp" ? -1 : 1, unread: shiftKey }];
    }
    if (key === "F6") return ["region", shiftKey ? -1 : 1];
    if (isCommand || altKey || isField(event.target)) return null;
    if (key === "?") return ["keys"];
    return isLetter(event) ? ["type", undefined, true] : null;
  }

  /** The second press in a row is the browser's own search: not all that is said is on the page. @param {KeyboardEvent} event @returns {[string] | null} */
  #search({ target }) {
    return target instanceof Element && target.closest("#search") ? null : ["search"];
  }
}

/** @param {EventTarget | null} target */
const isField = (target) => target instanceof Element && target.matches(FIELDS);

/** Space scrolls, or presses a button; a menu has keys of its own. @param {KeyboardEvent} event */
const isLetter = ({ key, target }) =>
  key.length > 0 && [...key].length === 1 && key !== " " && !(target instanceof Element && target.closest("[role=menu]"));
