import { Composer } from "./composer.js";
import { MessageList } from "./message-list.js";
import { find } from "./dom.js";
import { People } from "./member-list.js";
import { whoIsWriting } from "./text/activity.js";

/** @typedef {import("../roomcast.js").ConnectionState} ConnectionState */

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

/** A page sees no more than that a handshake failed. */
const UNREACHABLE_WITH_TOKEN = "Refused or unreachable. Your link may have expired.";

/**
 * What is on the screen. Dispatches `write` (detail: a text), `typing` (one is about to write), `again` (detail: the
 * refused message to try again), `moderate` (detail: `act` and `message`), `earlier` (what was said before is wanted),
 * `enter` (one wants to come in again) and `move` (detail: the name and room now wanted). It knows no chat.
 */
export class Page extends EventTarget {
  #status = find("#status", HTMLElement);
  #profile = find("#profile", HTMLFormElement);
  #room = find("#room", HTMLInputElement);
  #name = find("#name", HTMLInputElement);
  #composer = new Composer();
  #list = new MessageList();
  #people = new People();
  #writing = find("#writing", HTMLElement);
  #unread = 0;
  #title = "";

  constructor() {
    super();
    this.#passOn(this.#composer, "write", "typing", "enter");
    this.#passOn(this.#list, "again", "moderate", "earlier");
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

  /** @param {{name: string, room: string, token: string, moderates: boolean}} visit */
  showVisit({ name, room, token, moderates }) {
    this.#name.value = name;
    this.#name.readOnly = Boolean(token); // which says how one is called
    document.body.classList.toggle("moderates", moderates);
    this.#room.value = room;
    this.#composer.showRoom(room);
    this.#list.showRoom(room);
    this.#title = `#${room} · Roomcast`;
    this.#countUnread(0);
  }

  /** @param {ConnectionState} state @param {{token: string}} visit */
  showState(state, { token }) {
    this.#status.textContent = state === "unreachable" && token ? UNREACHABLE_WITH_TOKEN : STATES[state];
    this.#status.dataset.state = state;
  }

  /**
   * @param {import("./room-model.js").Conversation} conversation
   * @param {{follow?: boolean, fresh?: number}} [change] - `follow`: scroll to the newest one wherever the reader is;
   *   `fresh`: how many messages others have said since the last call
   */
  showConversation({ entries, earlier, name, people, writers, outside }, { follow = false, fresh = 0 } = {}) {
    if (this.#name.readOnly) this.#name.value = name ?? "";
    else this.#name.placeholder = name || "Guest";
    this.#people.show(people);
    this.#writing.textContent = whoIsWriting(writers);
    this.#composer.showOutside(outside);
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

  /** @param {EventTarget} part - of the page @param {string[]} types - of its events */
  #passOn(part, ...types) {
    for (const type of types) {
      part.addEventListener(type, (event) => {
        const { detail } = /** @type {CustomEvent} */ (event);
        this.dispatchEvent(new CustomEvent(type, { detail }));
      });
    }
  }
}
