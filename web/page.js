import { Composer } from "./composer.js";
import { MessageList } from "./message-list.js";
import { find } from "./dom.js";

/** @typedef {import("./roomcast.js").ConnectionState} ConnectionState */

/** @type {Record<ConnectionState, string>} */
const STATES = {
  idle: "Connecting…",
  connecting: "Connecting…",
  open: "Connected",
  reconnecting: "Reconnecting…",
  offline: "Offline",
  unreachable: "Refused or unreachable",
  closed: "Disconnected. Reload the page to come back.",
};

/**
 * What is on the screen. Dispatches `write` (detail: a text), `again` (detail: the refused message to try again),
 * `earlier` (what was said before is wanted) and `move` (detail: the name and room now wanted). It knows no chat.
 */
export class Page extends EventTarget {
  #status = find("#status", HTMLElement);
  #profile = find("#profile", HTMLFormElement);
  #room = find("#room", HTMLInputElement);
  #name = find("#name", HTMLInputElement);
  #composer = new Composer();
  #list = new MessageList();
  #unread = 0;
  #title = "";

  constructor() {
    super();
    this.#composer.addEventListener("write", (event) => this.#pass(event));
    for (const type of ["again", "earlier"]) this.#list.addEventListener(type, (event) => this.#pass(event));
    this.#profile.addEventListener("change", () => this.#move());
    this.#profile.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#composer.focus();
    });
    document.addEventListener("visibilitychange", () => this.#countUnread(0));
  }

  /** @returns {string} where the page's author says the chat is */
  get endpoint() {
    return find('meta[name="roomcast-endpoint"]', HTMLMetaElement).content;
  }

  /** Whether its reader is at the newest message. */
  get isAtEnd() {
    return this.#list.isAtEnd;
  }

  /** @param {{name: string, room: string}} visit */
  showVisit({ name, room }) {
    this.#name.value = name;
    this.#room.value = room;
    this.#composer.showRoom(room);
    this.#list.showRoom(room);
    this.#title = `#${room} · Roomcast`;
    this.#countUnread(0);
  }

  /** @param {ConnectionState} state */
  showState(state) {
    this.#status.textContent = STATES[state];
    this.#status.dataset.state = state;
  }

  /**
   * @param {Pick<import("./conversation.js").Conversation, "entries" | "earlier">} conversation
   * @param {{follow?: boolean, fresh?: number}} [change] - `follow`: scroll to the newest one wherever the reader is;
   *   `fresh`: how many messages others have said since the last call
   */
  showConversation({ entries, earlier }, { follow = false, fresh = 0 } = {}) {
    this.#list.show(entries, { earlier, follow, fresh });
    this.#countUnread(fresh);
  }

  #move() {
    const detail = { name: this.#name.value, room: this.#room.value };
    this.dispatchEvent(new CustomEvent("move", { detail }));
  }

  /** A window in the background says in its title how many messages wait. @param {number} fresh */
  #countUnread(fresh) {
    this.#unread = document.hidden ? this.#unread + fresh : 0;
    document.title = this.#unread ? `(${this.#unread}) ${this.#title}` : this.#title;
  }

  /** @param {Event} event - of a part of the page, with a detail */
  #pass(event) {
    const { type, detail } = /** @type {CustomEvent} */ (event);
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
