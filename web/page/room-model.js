import { randomId } from "../roomcast.js";
import { explainAbsence, explainChangeFailure, explainModerationFailure } from "./text/errors.js";
import { moderationText } from "./text/activity.js";
import { Quotes } from "./quotes.js";
import { RoomPeople } from "./room-people.js";
import { Timeline } from "./timeline.js";

const LOST = "Some messages could not be loaded.";
const RESET = "This room's history begins again here.";

/**
 * What is known about earlier messages. `joining`: nothing yet. `more`: there may be some. `start`: there are none.
 * `failed`: they could not be loaded. `absent`: the user could not join the room.
 *
 * @typedef {"joining" | "more" | "loading" | "start" | "failed" | "absent"} Earlier
 * @typedef {"mute" | "ban"} ModeratorAction
 */

/** Seconds. How long a mute or a ban of this page lasts. */
const MODERATION_TIME = 10 * 60;
/** Seconds. A shorter delay of a message is not shown. */
const MIN_SHOWN_DELAY = 2;

/**
 * The state of one room on the page. Dispatches `change` (detail: how many new messages of others have come), once per
 * task, and `left` when it has left the room. It knows no DOM.
 */
export class RoomModel extends EventTarget {
  /** @type {Earlier} */
  earlier = "joining";
  /** Why the user is not in the room; empty while they are in it, or joining. */
  absence = "";
  #timeline;
  #quotes;
  #people;
  #room;
  #banText = ""; // the sentence about the ban of this user
  #newMessages = 0;
  #isChangePlanned = false;
  #isLeaving = false;

  /** @param {import("../roomcast.js").Roomcast} chat - not closed @param {string} name - of the room */
  constructor(chat, name) {
    super();
    const joined = chat.join(name);
    // While offline the promise waits. The messages from before a reload are shown at once.
    const room = chat.joined.find((room) => room.name === name);
    if (!room) throw new TypeError("A closed chat has no rooms.");
    this.#room = room;
    this.#quotes = new Quotes(room, (seq, quote) => {
      this.#timeline.requote(seq, quote);
      this.#planChange();
    });
    this.#timeline = new Timeline(room, (seq) => this.#quotes.of(seq));
    this.#people = new RoomPeople(room, () => this.#planChange());
    this.#listen();
    for (const { id, message, replyTo } of room.pending) this.#show(id, message, replyTo);
    joined.catch(({ code }) => this.#showAbsence(code));
  }

  /** @returns {readonly import("./timeline.js").Entry[]} */
  get entries() {
    return this.#timeline.entries;
  }

  get room() {
    return this.#room.name;
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

  /** Send a message, or a failed one again by its id. @param {string} text @param {string} [id] */
  write(text, id) {
    const replyTo = id === undefined ? this.#quotes.takeAnswered() : this.#timeline.answeredBy(id);
    const ref = id ?? randomId();
    this.#show(ref, text, replyTo);
    this.#room.send(text, { ref, ...(replyTo && { replyTo }) }).catch(({ code }) => this.#showFailure(ref, code));
  }

  /** @param {number} seq - of the message that the user's next one answers; 0: none */
  answer(seq) {
    this.#quotes.answer(seq);
    this.#planChange();
  }

  /** Show the others that the user is typing. */
  sendTyping() {
    this.#room.typing();
  }

  // A change is shown at once, by an event. If it fails, another event tells and takes it back.

  /** @param {{seq: number, text: string}} message @param {string} text */
  edit({ seq, text: before }, text) {
    if (text && text !== before) this.#room.edit(seq, text);
  }

  /** @param {{seq: number}} message */
  delete({ seq }) {
    this.#room.delete(seq);
  }

  /** Add the user's reaction, or take it back. @param {import("./timeline.js").MessageEntry} message @param {string} reaction */
  react({ seq, reactions }, reaction) {
    const isMine = reactions.some((each) => each.reaction === reaction && each.mine);
    this.#room.react(seq, reaction, !isMine);
  }

  /** @param {ModeratorAction} action @param {{user: string}} message */
  async moderate(action, { user }) {
    try {
      await this.#room[action](user, MODERATION_TIME);
    } catch (error) {
      this.#note(explainModerationFailure(/** @type {any} */ (error).code));
    }
  }

  /** Load the messages before the oldest one here. */
  async loadEarlier() {
    const { earlier } = this;
    const before = this.#timeline.oldest;
    if (earlier !== "more" || before === undefined) return;
    this.#setEarlier("loading");
    try {
      let page = await this.#room.history({ before });
      while (page.more && page.messages.length === 0) page = await this.#room.history({ before: page.before });
      if (this.earlier !== "loading" || before !== this.#timeline.oldest) return; // The page does not fit any more.
      this.#timeline.prepend(page.messages);
      this.#setEarlier(page.more ? "more" : "start");
    } catch {
      this.#setEarlier("failed");
    }
  }

  /** Drop the oldest entries, if there are too many. They can be loaded again. */
  trim() {
    if (!this.#timeline.trim()) return;
    this.#quotes.retain(this.#timeline.answered);
    this.#setEarlier(this.#timeline.oldest ? "more" : "start");
  }

  /** Leave the room, as soon as every message and change is sent. Until then the user may come back. */
  leave() {
    this.#isLeaving = true;
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
      if (this.earlier !== "joining") return; // The log was reset: it continues below the entries that are here.
      this.#timeline.goLive();
      this.#setEarlier(more ? "more" : "start");
    });
    room.addEventListener("message", ({ detail: message }) => {
      this.#quotes.note(message);
      if (this.#timeline.receive(message)) this.#newMessages++;
      this.#planChange();
    });
    room.addEventListener("sent", ({ detail: ack }) => {
      this.#timeline.acknowledge(ack);
      this.#onResult();
    });
    room.addEventListener("failed", ({ detail: { id, code, action } }) => {
      if (action) this.#note(explainChangeFailure(action, code));
      else this.#showFailure(id, code);
      this.#onResult();
    });
    room.addEventListener("delayed", ({ detail: { id, retryAfter } }) => {
      if (retryAfter < MIN_SHOWN_DELAY) return;
      this.#timeline.delay(id, new Date(Date.now() + retryAfter * 1000));
      this.#planChange();
    });
    for (const type of /** @type {const} */ (["changed", "reactions"])) {
      room.addEventListener(type, ({ detail: message }) => {
        this.#quotes.note(message);
        this.#timeline.change(message);
        this.#planChange();
      });
    }
    room.addEventListener("moderated", ({ detail: moderated }) => this.#onModerated(moderated));
    room.addEventListener("rules", () => this.#planChange());
    room.addEventListener("lost", () => this.#note(LOST));
    room.addEventListener("reset", () => {
      this.#quotes.reset();
      this.#timeline.reset(RESET);
      this.#setEarlier("start"); // The entries above belong to no log any more.
    });
    room.addEventListener("state", ({ detail: { state, code = "" } }) => {
      if (state === "left" && !this.#isLeaving) this.#showAbsence(code);
      this.#planChange();
    });
  }

  /** @param {import("../roomcast.js").Moderated} moderated */
  #onModerated(moderated) {
    const { action, user = "" } = moderated;
    const isMe = user === this.#room.user;
    const name = isMe ? "you" : (this.#people.nameOf(user) ?? "somebody");
    const cameAt = Date.now();
    const sentence = () => moderationText(moderated, name, cameAt); // Tells the day from midnight on.
    if (action === "ban" && isMe) this.#banText = sentence();
    if (sentence()) this.#note(sentence);
  }

  /** @param {string} code - why the user is not in the room */
  #showAbsence(code) {
    if (this.absence) return;
    const banText = code === "banned" && this.#banText;
    this.absence = banText || explainAbsence(code);
    this.#people.clear();
    if (this.earlier === "joining") this.#setEarlier("absent");
    if (banText || code === "closed") this.#planChange();
    else this.#note(this.absence);
  }

  /** @param {string} id @param {string} text @param {number} [replyTo] */
  #show(id, text, replyTo = 0) {
    this.#timeline.write({ id, text, replyTo, at: new Date().toISOString() });
    this.#planChange();
  }

  /** @param {string} id @param {string} code */
  #showFailure(id, code) {
    this.#timeline.fail(id, code === "forbidden" ? this.#whyForbidden() : code);
    this.#planChange();
  }

  /** The code `forbidden` does not say why. The moderators' actions may. */
  #whyForbidden() {
    if (this.rules?.locked) return "room_locked";
    return this.rules?.mutedUntil ? "muted" : "forbidden";
  }

  #onResult() {
    this.#planChange();
    if (this.#isLeaving) this.leave();
  }

  /** @param {string | (() => string)} text */
  #note(text) {
    this.#timeline.note(text);
    this.#planChange();
  }

  /** @param {Earlier} earlier */
  #setEarlier(earlier) {
    this.earlier = earlier;
    this.#planChange();
  }

  /** Messages come in runs, and a run is one change. */
  #planChange() {
    if (this.#isChangePlanned) return;
    this.#isChangePlanned = true;
    queueMicrotask(() => {
      const detail = this.#newMessages;
      this.#newMessages = 0;
      this.#isChangePlanned = false;
      this.dispatchEvent(new CustomEvent("change", { detail }));
    });
  }
}
