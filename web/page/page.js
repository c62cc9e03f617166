import { Composer } from "./composer.js";
import { MessageList } from "./message-list.js";
import { find } from "./dom.js";
import { MemberList } from "./member-list.js";
import { fieldText, obstacleText, typingText } from "./text/activity.js";
import { watchDays } from "./text/time.js";

/** @typedef {import("../roomcast.js").ConnectionState} ConnectionState */

/** @type {Record<ConnectionState, string>} */
const STATES = {
  idle: "Connecting…",
  connecting: "Connecting…",
  open: "Connected",
  reconnecting: "Reconnecting…",
  offline: "Offline",
  unreachable: "Rejected or unreachable",
  closed: "Disconnected. Reload the page to come back.",
};

/** Milliseconds between two looks whether a new day has begun. */
const DAY_CHECK = 60_000;

/** A page cannot see why a handshake failed. */
const UNREACHABLE_WITH_TOKEN = "Rejected or unreachable. Your link may have expired.";

/**
 * The screen. Dispatches `write` (detail: a text), `typing` (the user is typing), `retry` (detail: the failed message
 * to send again), `reply` (detail: the message to answer), `cancel` (the next message answers nothing), `edit` (detail:
 * `message` and `text`), `delete` (detail: the message), `react` (detail: `message` and
 * `reaction`), `moderate` (detail: `action` and `message`), `earlier` (load earlier messages), `enter` (join the
 * room again) and `change` (detail: the new name and room). It knows no chat.
 */
export class Page extends EventTarget {
  #status = find("#status", HTMLElement);
  #profile = find("#profile", HTMLFormElement);
  #room = find("#room", HTMLInputElement);
  #name = find("#name", HTMLInputElement);
  #composer = new Composer();
  #list = new MessageList();
  #members = new MemberList();
  #typing = find("#writing", HTMLElement);
  #unread = 0;
  #title = "";

  constructor() {
    super();
    this.#forward(this.#composer, "write", "typing", "cancel", "enter");
    this.#forward(this.#list, "retry", "reply", "edit", "delete", "react", "moderate", "earlier");
    this.#list.addEventListener("reply", () => this.#composer.focus());
    this.#profile.addEventListener("change", () => this.#changePreferences());
    this.#profile.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#composer.focus();
    });
    const checkDay = watchDays(() => this.#list.redraw());
    setInterval(checkDay, DAY_CHECK);
    document.addEventListener("visibilitychange", () => {
      this.#countUnread(0);
      checkDay();
    });
  }

  /** @returns {string} the endpoint in the page's markup */
  get endpoint() {
    return find('meta[name="roomcast-endpoint"]', HTMLMetaElement).content;
  }

  /** True if the newest message is in view. */
  get isAtEnd() {
    return this.#list.isAtEnd;
  }

  /** @param {{name: string, room: string, token: string, isModerator: boolean}} preferences */
  showPreferences({ name, room, token, isModerator }) {
    this.#name.value = name;
    this.#name.readOnly = Boolean(token); // The token names the user.
    document.body.classList.toggle("moderates", isModerator);
    this.#room.value = room;
    this.#list.showRoom(room);
    this.#title = `#${room} · Roomcast`;
    this.#countUnread(0);
  }

  /** @param {ConnectionState} state @param {{token: string}} preferences */
  showState(state, { token }) {
    this.#status.textContent = state === "unreachable" && token ? UNREACHABLE_WITH_TOKEN : STATES[state];
    this.#status.dataset.state = state;
  }

  /**
   * @param {import("./room-model.js").RoomModel} model
   * @param {{follow?: boolean, newMessages?: number}} [change] - `follow`: scroll to the newest message;
   *   `newMessages`: how many messages of others have come since the last call
   */
  showRoom(model, { follow = false, newMessages = 0 } = {}) {
    const { room, entries, earlier, name, members, typing, absence, rules, answered } = model;
    const obstacle = obstacleText(rules);
    if (this.#name.readOnly) this.#name.value = name ?? "";
    else this.#name.placeholder = name || "Guest";
    this.#members.show(members);
    this.#typing.textContent = typingText(typing);
    this.#composer.showAbsence(absence);
    this.#composer.showPurpose(fieldText(room, rules), !obstacle);
    this.#composer.showAnswered(answered && answered.quote);
    document.body.classList.toggle("only-reads", Boolean(obstacle || absence));
    this.#list.show(entries, { earlier, follow, newMessages });
    this.#countUnread(newMessages);
  }

  #changePreferences() {
    const detail = { name: this.#name.value, room: this.#room.value };
    this.dispatchEvent(new CustomEvent("change", { detail }));
  }

  /** Show the number of unread messages in the title of a hidden window. @param {number} newMessages */
  #countUnread(newMessages) {
    this.#unread = document.hidden ? this.#unread + newMessages : 0;
    document.title = this.#unread ? `(${this.#unread}) ${this.#title}` : this.#title;
  }

  /** @param {EventTarget} part - of the page @param {string[]} types - of its events */
  #forward(part, ...types) {
    for (const type of types) {
      part.addEventListener(type, (event) => {
        const { detail } = /** @type {CustomEvent} */ (event);
        this.dispatchEvent(new CustomEvent(type, { detail }));
      });
    }
  }
}
