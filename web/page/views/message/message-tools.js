import { copy } from "../feedback.js";
import { find } from "../dom.js";
import { menus } from "../menus.js";
import { openEditor } from "./message-editor.js";
import { isTouch } from "../touch.js";
import { ACTIONS, messageMenuTitle, seenText } from "../../words/messages/actions.js";
import { wholeTime } from "../../words/time.js";

/**
 * @typedef {import("../../state/room/timeline.js").MessageEntry} MessageEntry
 * @typedef {object} Permissions
 * @property {boolean} mayWrite
 * @property {boolean} moderates
 * @property {readonly import("../../state/acts/restrictions.js").Restriction[]} inForce
 * @property {(message: MessageEntry) => string[]} seenBy - the names of those who have seen a message, as far as it is known
 */

/** The action of a key, while a message has the focus. */
const KEYS = new Map(Object.entries({
  r: "reply", t: "thread", "+": "react", e: "edit", c: "copy", l: "link", Delete: "delete", Enter: "menu", ".": "menu",
}));
const HINTS = new Map([...KEYS].map(([key, action]) => [action, key === "Delete" ? "Del" : key.toUpperCase()]));

/**
 * What can be done with a message: by three buttons on the one that is pointed at or has the focus, by its menu, by a
 * key, and on touch by a tap. Dispatches `action` (detail: `action`, `message` and what the action needs), and `use` when
 * `isInUse` may have changed.
 */
export class MessageTools extends EventTarget {
  #strip = find("div", HTMLElement, /** @type {DocumentFragment} */ (find("#tools", HTMLTemplateElement).content.cloneNode(true)));
  /** @type {MessageEntry | undefined} */
  #offered;
  /** @type {HTMLElement | null} the row that the open menu belongs to */
  #chosen = null;
  #isPointed = false;
  /** @type {Permissions} */
  #permissions = { mayWrite: true, moderates: false, inForce: [], seenBy: () => [] };
  #box;
  #messageOf;

  /**
   * @param {HTMLElement} box - of the messages
   * @param {(row: Element) => MessageEntry | undefined} messageOf - of an element of the class `message`
   */
  constructor(box, messageOf) {
    super();
    this.#box = box;
    this.#messageOf = messageOf;
    // Not `pointerover`: that comes also when a row moves under a pointer that rests.
    box.addEventListener("pointermove", ({ target, pointerType }) => pointerType === "mouse" && this.#offer(rowOf(target)));
    box.addEventListener("pointerover", ({ target, pointerType }) => this.#point(pointerType === "mouse" && this.#strip.contains(/** @type {Node} */ (target))));
    box.addEventListener("pointerleave", () => this.#point(false));
    box.addEventListener("focusin", ({ target }) => this.#onFocus(rowOf(target)));
    box.addEventListener("menu", (event) => this.#onMenu(/** @type {CustomEvent} */ (event)));
    box.addEventListener("click", (event) => this.#onClick(event));
    box.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** @param {Permissions} permissions - of the user, in the room that is shown */
  show(permissions) {
    this.#permissions = permissions;
  }

  /** True while the user is about to do something with a message: it has to stay where it is. A finger points at nothing. */
  get isInUse() {
    const isPointed = this.#isPointed && this.#strip.isConnected;
    return !isTouch() && (isPointed || Boolean(this.#chosen?.isConnected) || this.#box.querySelector(".editing") !== null);
  }

  /** Change the text of a message where it stands. @param {HTMLElement} row */
  edit(row) {
    const message = this.#messageOf(row);
    if (message) openEditor(row, message.text, (text) => this.#tell("edit", message, { text }));
  }

  /** @param {boolean} isPointed - at the buttons */
  #point(isPointed) {
    if (isPointed === this.#isPointed) return;
    this.#isPointed = isPointed;
    this.#tellUse();
  }

  /** @param {HTMLElement | null} row */
  #onFocus(row) {
    this.#offer(row);
    this.#tellUse(); // An editor takes the focus, and gives it back.
  }

  /** @param {CustomEvent<{isOpen: boolean}>} event */
  #onMenu({ target, detail: { isOpen } }) {
    const row = rowOf(target);
    if (!isOpen && row !== this.#chosen) return;
    this.#chosen?.classList.remove("chosen");
    this.#chosen = isOpen ? row : null;
    this.#chosen?.classList.add("chosen");
    this.#tellUse();
  }

  #tellUse() {
    this.dispatchEvent(new Event("use"));
  }

  /** Put the buttons on a message, unless the user is at another one. @param {HTMLElement | null} row */
  #offer(row) {
    const message = row && this.#messageOf(row);
    if (!message || (this.#offered === message && this.#strip.parentElement === row)) return;
    if (this.#chosen?.isConnected || document.activeElement?.closest(".editing")) return;
    this.#box.querySelector(".offered")?.classList.remove("offered");
    row.classList.add("offered");
    this.#offered = message;
    const actions = this.#actionsFor(message);
    if (actions.length === 0) return this.#strip.remove();
    for (const button of this.#strip.querySelectorAll("button")) {
      button.hidden = button.dataset.action !== "menu" && !actions.includes(button.dataset.action ?? "");
    }
    row.append(this.#strip);
  }

  /** @param {MessageEntry} message @returns {string[]} what the user can do with it */
  #actionsFor({ seq, mine, deleted, undoable, replies, root }) {
    const { mayWrite, moderates } = this.#permissions;
    if (seq === 0 || deleted || undoable) return [];
    return [
      ...(mayWrite ? ["reply", "react"] : []),
      ...(replies || root ? ["thread"] : []),
      "copy",
      "link",
      ...(mine ? ["edit"] : []),
      ...(mine || moderates ? ["delete"] : []),
    ];
  }

  /** @param {MouseEvent} event */
  #onClick({ target }) {
    const row = rowOf(target);
    const message = row && this.#messageOf(row);
    if (!message || !(target instanceof Element) || target.closest(".editing")) return;
    const button = target.closest("button");
    const { action, reaction } = button?.dataset ?? {};
    if (reaction) this.#tell("react", message, { reaction });
    else if (action) this.#do(action, message, row);
    else if (!button && isTouch() && !target.closest("a, input, textarea") && getSelection()?.isCollapsed !== false) {
      this.#do("menu", message, row);
    }
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const { target, key, ctrlKey, metaKey, altKey } = event;
    const row = rowOf(target);
    if (!row || target !== row || ctrlKey || metaKey || altKey) return;
    const message = this.#messageOf(row);
    const action = KEYS.get(key.length === 1 ? key.toLowerCase() : key);
    if (!message || !action || (action !== "menu" && !this.#actionsFor(message).includes(action))) return;
    event.preventDefault();
    event.stopPropagation();
    this.#do(action, message, row);
  }

  /** @param {string} action @param {MessageEntry} message @param {HTMLElement} row */
  #do(action, message, row) {
    if (action === "menu") this.#openMenu(message, row);
    else if (action === "react") this.#pickReaction(message, row);
    else if (action === "edit") this.edit(row);
    else if (action === "copy") copy(message.text);
    else this.#tell(action, message);
  }

  /** @param {MessageEntry} message @param {HTMLElement} row */
  #pickReaction(message, row) {
    const pick = (/** @type {string} */ reaction) => this.#tell("react", message, { reaction });
    menus.use(({ pickReaction }) => pickReaction(this.#anchorOf(row), message.reactions, pick));
  }

  /** @param {MessageEntry} message @param {HTMLElement} row */
  #openMenu(message, row) {
    const actions = this.#actionsFor(message);
    if (actions.length === 0) return;
    row.focus({ preventScroll: true }); // It has the focus again when the menu is closed.
    const items = actions.map((action) => ({
      label: ACTIONS.get(action) ?? action,
      hint: isTouch() ? "" : HINTS.get(action),
      isGrave: action === "delete",
      run: () => this.#do(action, message, row),
    }));
    const { user, name, mine } = message;
    const { moderates, inForce, seenBy } = this.#permissions;
    const readers = seenBy(message);
    const told = [...(readers.length ? [seenText(readers)] : []), wholeTime(message.at)].map((label) => ({ label }));
    const moderate = (/** @type {object} */ moderation) => this.#tell("moderate", message, { moderation });
    menus.use(({ menu, itemsAbout }) => {
      const further = moderates ? itemsAbout({ user, mine }, inForce, moderate) : [];
      menu.open(this.#anchorOf(row), messageMenuTitle(name), [...items, ...further, ...told]);
    });
  }

  /** Where a menu opens. While it loads, the buttons may move to another message. @param {HTMLElement} row */
  #anchorOf(row) {
    return this.#strip.parentElement === row ? this.#strip : row;
  }

  /** @param {string} action @param {MessageEntry} message @param {object} [needs] */
  #tell(action, message, needs) {
    this.dispatchEvent(new CustomEvent("action", { detail: { action, message, ...needs } }));
  }
}

/** @param {MessageEntry} message @returns {boolean} true if its text can be changed */
export const isEditable = ({ mine, seq, deleted, undoable }) => mine && seq > 0 && !deleted && !undoable;

/** @param {EventTarget | null} target @returns {HTMLElement | null} the message that it is in */
const rowOf = (target) => (target instanceof Element ? target.closest(".message") : null);
