import { Composer } from "./composer.js";
import { MessageList } from "./message-list.js";
import { find } from "./dom.js";

/** @typedef {import("./timeline.js").Entry} Entry */

/** @type {Record<import("./socket.js").SocketState, string>} */
const STATES = {
  connecting: "Connecting…",
  open: "Connected",
  reconnecting: "Reconnecting…",
  closed: "Disconnected. Reload the page to come back.",
};

/**
 * What is on the screen. Dispatches `write` (detail: a text), `again` (detail: the Entry to try again) and `move`
 * (detail: the name and room now wanted). It knows no socket.
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
    this.#list.addEventListener("again", (event) => this.#pass(event));
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

  /** @param {{name: string, room: string}} visit */
  showVisit({ name, room }) {
    this.#name.value = name;
    this.#room.value = room;
    this.#composer.showRoom(room);
    this.#list.showRoom(room);
    this.#title = `#${room} · Roomcast`;
    this.#countUnread(0);
  }

  /** @param {import("./socket.js").SocketState} state */
  showState(state) {
    this.#status.textContent = STATES[state];
    this.#status.dataset.state = state;
  }

  /**
   * @param {readonly Entry[]} entries
   * @param {{follow?: boolean, fresh?: number}} [change] - `follow`: scroll to the newest one wherever the reader is;
   *   `fresh`: how many came from others since the last call
   */
  showMessages(entries, { follow = false, fresh = 0 } = {}) {
    this.#list.show(entries, { follow, fresh });
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
