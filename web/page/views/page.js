import { Announcer } from "./announcer.js";
import { Composer } from "./composer/composer.js";
import { MessageList } from "./list/message-list.js";
import { useNames } from "./message/message-view.js";
import { find, setText } from "./dom.js";
import { MemberList } from "./people/member-list.js";
import { showBrand } from "./brand.js";
import { Pane } from "./pane.js";
import { ModeratorButton } from "./people/moderator-button.js";
import { Rooms } from "./rooms/rooms.js";
import { Strip } from "./strip.js";
import { ThreadView } from "./message/thread.js";
import { Welcome } from "./rooms/welcome.js";
import { copyTranscripts } from "./message/transcript.js";
import { fieldText, obstacleText, typingText } from "../words/activity.js";
import { stateText } from "../words/connection.js";
import { searchHint } from "../words/going.js";
import { watchDays } from "./midnight.js";
import { watchPointer } from "./list/frame-of-keys.js";

/** @typedef {import("../../roomcast.js").ConnectionState} ConnectionState */

/**
 * The screen. Dispatches `write` (detail: as MessageField's `send`), `draft` (detail: the text so far), `typing` (the user is typing),
 * `action` (detail: `action`, `message` and what it needs: what the user does with a message), `answer` (a `text` in a
 * thread, who was `picked`, and what it answers in `replyTo`), `retry` (connect now), `cancel` (the next message answers nothing), `take-back`
 * (the last message, if it is unsent), `earlier` (load earlier messages), `look`, `seen` and `attention` (as Reader),
 * `dismiss` (take the line "new" away), `day` (a new day has begun), `enter` (join the room again), `screen` (detail: `rooms`
 * or `room`, where each is one of its own), and what Rooms and Welcome dispatch. It knows no chat.
 */
export class Page extends EventTarget {
  #status = find("#status", HTMLElement);
  #rooms = new Rooms();
  #composer = new Composer();
  #list = new MessageList();
  #strip = new Strip();
  #welcome = new Welcome();
  #moderator = new ModeratorButton();
  /** @readonly */
  pane = new Pane();
  #thread = new ThreadView(this.pane);
  #members = new MemberList(this.pane);
  #typing = find("#writing", HTMLElement);
  #announcer = new Announcer((line) => find("#announcer", HTMLElement).replaceChildren(line));
  /** @type {ConnectionState} */
  #connection = "idle";
  #unseen = 0;
  #title = "";
  #self = ""; // as JSON
  #inRoom = "";
  #brand;

  /** @param {import("./brand.js").Brand} brand */
  constructor(brand) {
    super();
    showBrand(brand);
    this.#brand = brand;
    this.#forward(this.#composer, "write", "draft", "typing", "take-back", "cancel", "enter");
    this.#composer.addEventListener("amend-last", () => this.#list.editLast());
    this.#composer.addEventListener("scroll", (event) => this.#list.scroll(/** @type {CustomEvent} */ (event).detail));
    this.#forward(this.#strip, "retry");
    this.#forward(this.#welcome, "rename", "met");
    this.#forward(this.#rooms, "go", "rename", "star", "mute", "copy", "unfollow");
    this.#rooms.addEventListener("go", () => matchMedia("(pointer: fine)").matches && this.#composer.focus());
    for (const [button, screen] of /** @type {const} */ ([["#to-rooms", "rooms"], ["#to-room", "room"]])) {
      find(button, HTMLButtonElement).addEventListener("click", () => this.#tell("screen", screen));
    }
    for (const part of [this.#members, this.#moderator, this.#thread]) this.#forward(part, "action");
    this.#forward(this.#thread, "begin", "answer", "earlier");
    this.#forward(this.#list, "action", "earlier", "later", "newest", "find", "found", "look", "seen", "attention", "dismiss");
    find("#to-search", HTMLButtonElement).addEventListener("click", () => this.dispatchEvent(new CustomEvent("search")));
    find("#copy-link", HTMLButtonElement).addEventListener("click", () => this.dispatchEvent(new CustomEvent("copy")));
    watchPointer();
    copyTranscripts(find("#scroll", HTMLElement));
    watchDays(() => {
      this.#list.redraw();
      this.dispatchEvent(new CustomEvent("day"));
    });
  }

  /** Give the field for a message the focus. */
  compose() {
    this.#composer.focus();
  }

  /**
   * Show a thread beside the room, from the next drawing on.
   *
   * @param {number} root - the seq of its first message @param {string} begun - what was begun there and is not sent
   */
  openThread(root, begun) {
    this.#thread.open(root, begun);
  }

  /** What was begun in the open thread, in another tab. @param {string} begun */
  showBegun(begun) {
    this.#thread.showBegun(begun);
  }

  /** The seq of the first message of the thread that is open; 0 if none is. */
  get thread() {
    return this.#thread.root;
  }

  /** True if the newest message is in view. */
  get isAtEnd() {
    return this.#list.isAtEnd;
  }

  /** @param {{room: string, isList: boolean}} place - `isList`: the list of rooms is a screen of its own */
  showPlace({ room, isList }) {
    if (room !== this.#inRoom) this.#thread.close(); // At once: its numbers are other messages there.
    document.body.dataset.screen = isList ? "rooms" : "room";
    find(".of", HTMLElement, find("#title", HTMLElement)).textContent = room;
    find("#query", HTMLInputElement).placeholder = searchHint(room);
    this.#title = `#${room} · ${this.#brand.name}`;
    this.#showTitle();
  }

  /** @type {Rooms["show"]} */
  showRooms(...list) {
    this.#rooms.show(...list);
  }

  /** @param {{user: string, name: string, isFixed: boolean, guest: string, isNew: boolean}} self - as Rooms takes it; `isNew`: to be asked for a name */
  showSelf(self) {
    const shown = JSON.stringify(self);
    if (shown === this.#self) return;
    this.#self = shown;
    this.#rooms.showSelf(self);
    this.#welcome.show(self.isNew ? self.guest : "");
  }

  /** Show what was begun in this room. @param {string} text */
  showDraft(text) {
    this.#composer.showDraft(text);
  }

  /** @param {ConnectionState} state */
  showState(state) {
    this.#status.textContent = stateText(state);
    this.#status.dataset.state = state;
    document.body.dataset.connection = state;
    this.#connection = state;
  }

  /** @param {Partial<import("../words/connection.js").Trouble>} news */
  showTrouble(news) {
    this.#strip.show(news);
  }

  /** Write somebody's name into the field. @param {string} name */
  mention(name) {
    this.#composer.mention(name);
  }

  showPeople() {
    this.#members.open();
  }

  /** Show the newest message, from the next drawing on. */
  follow() {
    this.#list.follow();
  }

  /** @param {import("../state/room/room-model.js").RoomModel} model @param {() => Iterable<string>} knownRooms */
  showRoom(model, knownRooms) {
    const isOther = model.room !== this.#inRoom;
    this.#inRoom = model.room;
    const { room, members, typing, absence, rules, answered } = model;
    const obstacle = absence || obstacleText(rules, model.moderation.mutedBy);
    const permissions = {
      mayWrite: !obstacle,
      moderates: Boolean(rules?.moderator),
      inForce: model.moderation.inForce,
      seenBy: (/** @type {import("../state/room/timeline.js").MessageEntry} */ message) => model.receipts.seenBy(message),
    };
    if (useNames(model.names) && !isOther) this.#list.redraw();
    this.#members.show(members, permissions);
    this.#moderator.show(rules, permissions.inForce);
    for (const part of [this.#composer, this.#thread]) part.offer(members?.people ?? [], knownRooms);
    setText(this.#typing, typingText(typing));
    this.#composer.showObstacle(obstacle, Boolean(absence));
    this.#composer.showPurpose(fieldText(room, rules));
    this.#composer.showSlow(model.slowMode.until);
    this.#composer.showAnswered(answered && answered.quote);
    this.#list.permit(permissions);
    const { earlier, later, sought } = model.history;
    this.#list.show({ room, items: model.items, earlier, later, sought, connection: this.#connection, lastReplies: model.threads.lastReplies });
    if (this.#thread.root) this.#thread.show(model.threads.of(this.#thread.root), permissions);
    this.#unseen = model.reading.unseen(model.newest); // After the drawing: what is in view now is seen.
    this.#list.showUnseen(this.#unseen);
    this.#announcer.show(room, model.newest);
    this.#showTitle();
  }

  /** @param {string} type @param {unknown} detail */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** Show in the title how many messages were not in view of the reader yet. */
  #showTitle() {
    const title = this.#unseen ? `(${this.#unseen}) ${this.#title}` : this.#title;
    if (document.title !== title) document.title = title;
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
