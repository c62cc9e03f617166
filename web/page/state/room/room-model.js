import { randomId } from "../../../roomcast.js";
import { Absence } from "../rooms/absence.js";
import { withDividers } from "./days.js";
import { explainChangeFailure } from "../../words/messages/errors.js";
import { LOST, RESET } from "../../words/activity.js";
import { mentionsIn } from "./mentions.js";
import { MessageActs } from "../acts/message-acts.js";
import { Quotes } from "./quotes.js";
import { Reading } from "./reading.js";
import { RoomModeration } from "../acts/room-moderation.js";
import { RoomHistory } from "../history/room-history.js";
import { RoomPeople } from "./room-people.js";
import { Receipts } from "./receipts.js";
import { SlowMode } from "../acts/slow-mode.js";
import { Threads } from "./threads.js";
import { Timeline } from "./timeline.js";

/** @typedef {import("./room-people.js").Member} Member */

/** Seconds. A shorter delay of a message is not shown. */
const MIN_SHOWN_DELAY = 2;

/**
 * The state of one room on the page. Dispatches `change` at each change, whatever it is: who draws it says how often. And
 * `left` when it has left the room. It knows no DOM.
 */
export class RoomModel extends EventTarget {
  #timeline;
  #quotes;
  #people;
  #room;
  #absence;
  #isLeaving = false;

  /**
   * @param {import("../../../roomcast.js").Roomcast} chat - not closed @param {string} name - of the room
   * @param {import("../rooms/room-memory.js").RoomMemory} [memory] - what the device keeps
   */
  constructor(chat, name, memory) {
    super();
    this.#absence = new Absence(name, memory);
    const joined = chat.join(name);
    // While offline the promise waits. The messages from before a reload are shown at once.
    const room = chat.joined.find((room) => room.name === name);
    if (!room) throw new TypeError("A closed chat has no rooms.");
    this.#room = room;
    this.#quotes = new Quotes(room, (seq, quote) => {
      this.history.requote(seq, quote);
      this.#change();
    });
    const quoteOf = (/** @type {number} */ seq) => this.#quotes.of(seq);
    this.#timeline = new Timeline(room, quoteOf);
    /** @readonly The part of its messages that is shown. */
    this.history = new RoomHistory(room, this.#timeline, quoteOf, () => this.#change(), (messages) => {
      for (const message of messages) this.threads.note(message);
    });
    /** @readonly How far the reader has come. */
    this.reading = new Reading(room, () => this.#change());
    /** What the user does with the messages. @readonly */
    this.acts = new MessageActs(room, this.#timeline, () => this.#change());
    this.receipts = new Receipts(room);
    this.threads = new Threads(room, this.#timeline);
    this.slowMode = new SlowMode(room);
    this.#people = new RoomPeople(room, () => this.#change());
    this.names = this.#people.names; // of all who were seen here
    this.moderation = new RoomModeration(room, this.#people, this.#absence, (text) => this.note(text));
    this.#timeline.remember(memory?.entries(name) ?? []);
    this.#listen();
    this.#showPending();
    joined.catch(({ code }) => this.#showAbsence(code));
  }

  /** The newest entries, also while a place in the past is shown. @returns {readonly import("./timeline.js").Entry[]} */
  get newest() {
    return this.#timeline.entries;
  }

  /** The entries that are shown. @returns {readonly import("./timeline.js").Entry[]} */
  get entries() {
    return this.history.entries;
  }

  /** The entries with dividers among them. @returns {import("./days.js").Item[]} */
  get items() {
    return withDividers(this.entries, { now: new Date(), mark: this.reading.mark });
  }

  get room() {
    return this.#room.name;
  }

  /** Its whole log, to search. @returns {import("../history/search.js").Log} */
  get log() {
    return this.#room;
  }

  /** Why the user is not in the room; empty while they are in it, or joining. */
  get absence() {
    return this.#absence.reason;
  }

  /** When the user may come back, in milliseconds since 1970; 0 if that is not known. */
  get absentUntil() {
    return this.#absence.until;
  }

  /** True if the entries are those that the user may read now. */
  get isKeepable() {
    return !this.absence && this.history.earlier !== "joining";
  }

  /** The user, as the others see them; undefined until the room is joined. */
  get user() {
    return this.#room.user;
  }

  /** The user's name here; undefined until the room is joined. */
  get name() {
    return this.#room.me?.name;
  }

  /** What holds for the user here; undefined until the room is joined. */
  get rules() {
    return this.#room.rules;
  }

  /** Who is here; undefined until it is known. */
  get members() {
    return this.#people.members;
  }

  /** The other users who are typing now. */
  get typing() {
    return this.#people.typing;
  }

  /** What the user's next message answers; null if it answers nothing. */
  get answered() {
    return this.#quotes.answered;
  }

  /** The user's messages that are not acknowledged, oldest first. */
  get pending() {
    return this.#room.pending;
  }

  /** Send what was typed, as one message or several. @param {{typed: string, texts: readonly string[], picked: readonly Member[]}} written */
  send({ typed, texts, picked }) {
    this.acts.wrote(typed, texts.map((text) => this.write(text, undefined, picked)));
  }

  /**
   * Send a message, or a failed one again by its id.
   * @param {string} text @param {string} [id] @param {readonly Member[]} [picked] - may be mentioned @returns {string} its id
   */
  write(text, id, picked = []) {
    const before = id === undefined ? undefined : this.#timeline.writtenWith(id);
    const mentions = before?.mentions ?? mentionsIn(text, this.members?.people ?? [], picked);
    const replyTo = before?.replyTo ?? this.#quotes.takeAnswered();
    const ref = id ?? randomId();
    this.#show(ref, text, replyTo, mentions);
    this.#room.send(text, { ref, mentions: [...mentions], ...(replyTo && { replyTo }) }).catch(({ code }) => this.#showFailure(ref, code));
    return ref;
  }

  /** @param {number} seq - of the message that the user's next one answers; 0: none */
  answer(seq) {
    this.#quotes.answer(seq);
    this.#change();
  }

  /** Show the others that the user is typing. */
  sendTyping() {
    this.#room.typing();
  }

  /** Add a line about something that happened. @param {string | (() => string)} text */
  note(text) {
    this.#timeline.note(text);
    this.#change();
  }

  /** Drop the oldest entries, if there are too many. They can be loaded again. */
  trim() {
    if (!this.#timeline.trim()) return;
    this.#quotes.retain(this.#timeline.answered);
    this.history.set(this.#timeline.oldest ? "more" : "start");
  }

  /** Leave the room, as soon as every message and change is sent. Until then the user may come back. */
  leave() {
    this.#isLeaving = true;
    this.acts.finish();
    const isWriting = this.pending.length > 0 || this.#room.pendingChanges.length > 0;
    if (isWriting && !this.absence) return;
    this.#room.leave();
    this.dispatchEvent(new CustomEvent("left"));
  }

  cancelLeave() {
    this.#isLeaving = false;
  }

  #listen() {
    const room = this.#room;
    room.addEventListener("ready", ({ detail: { more } }) => {
      this.#absence.end();
      if (this.history.earlier !== "joining") return; // The log was reset: it continues below the entries that are here.
      this.#timeline.goLive();
      this.history.set(more ? "more" : "start");
    });
    room.addEventListener("message", ({ detail: message }) => {
      this.#quotes.note(message);
      this.#timeline.receive(message);
      this.#change();
    });
    room.addEventListener("restored", () => this.#showPending());
    room.addEventListener("sent", ({ detail: ack }) => {
      this.#timeline.acknowledge(ack);
      this.#onResult();
    });
    room.addEventListener("failed", ({ detail: { id, code, action } }) => {
      if (action) this.note(explainChangeFailure(action, code));
      else this.#showFailure(id, code);
      this.#onResult();
    });
    room.addEventListener("delayed", ({ detail: { id, retryAfter } }) => {
      if (retryAfter < MIN_SHOWN_DELAY) return;
      this.#timeline.delay(id, new Date(Date.now() + retryAfter * 1000), this.slowMode.isOn);
      this.#change();
    });
    for (const type of /** @type {const} */ (["changed", "reactions"])) {
      room.addEventListener(type, ({ detail: message }) => {
        this.#quotes.note(message);
        this.history.change(message);
        this.#change();
      });
    }
    room.addEventListener("rules", () => this.#change());
    room.addEventListener("lost", () => this.note(LOST));
    room.addEventListener("reset", () => {
      this.#quotes.reset();
      this.#timeline.reset(RESET);
      this.history.reset();
    });
    room.addEventListener("state", ({ detail: { state, code = "" } }) => {
      if (state === "left" && !this.#isLeaving) this.#showAbsence(code);
      this.#change();
    });
  }

  /** @param {string} code - why the user is not in the room */
  #showAbsence(code) {
    if (this.absence) return;
    this.#absence.begin(code);
    this.#people.clear();
    if (code !== "closed") this.#timeline.forgetRemembered();
    if (this.history.earlier === "joining") this.history.set("absent");
    this.#change();
  }

  /** Show what a page before this one could not send. */
  #showPending() {
    for (const { id, message, replyTo, mentions } of this.pending) this.#show(id, message, replyTo, mentions);
  }

  /** @param {string} id @param {string} text @param {number} [replyTo] @param {readonly string[]} [mentions] */
  #show(id, text, replyTo = 0, mentions = []) {
    this.#timeline.write({ id, text, replyTo, mentions, at: new Date().toISOString() });
    this.#change();
  }

  /** @param {string} id @param {string} code */
  #showFailure(id, code) {
    this.#timeline.fail(id, code === "forbidden" ? this.#whyForbidden() : code);
    this.#change();
  }

  /** The code `forbidden` does not say why. The moderators' actions may. */
  #whyForbidden() {
    if (this.rules?.locked) return "room_locked";
    return this.rules?.mutedUntil ? "muted" : "forbidden";
  }

  #onResult() {
    this.#change();
    if (this.#isLeaving) this.leave();
  }

  #change() {
    this.dispatchEvent(new Event("change"));
  }
}
