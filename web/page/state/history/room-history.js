import { Late } from "../../late.js";

/**
 * What is known about earlier messages. `joining`: nothing yet. `more`: there may be some. `start`: there are none.
 * `failed`: they could not be loaded, and can be asked for again. `absent`: the user could not join the room.
 *
 * @typedef {"joining" | "more" | "loading" | "start" | "failed" | "absent"} Earlier
 *
 * And about later ones, in the past alone. `end`: they are loaded.
 *
 * @typedef {"more" | "loading" | "failed" | "end"} Later
 */

/** Earlier messages that are asked for at once: the most that the server gives. */
const PAGE = 200;
const pasts = new Late(() => import("./past.js"));

/**
 * The part of one room's history that is shown: the newest messages and what was loaded above them, or a place far above
 * these. Calls back at each change.
 */
export class RoomHistory {
  /** The seq of the message that is to be brought into view; 0 if there is none. */
  sought = 0;
  /** @type {Earlier} */
  #earlier = "joining";
  /** @type {import("./past.js").Past | null} */
  #past = null;
  #goal = 0; // counts what is gone to: the last one wins, however long another takes
  #onReady = () => {};
  /** @type {Promise<void>} resolves when the room's newest messages are there, or it cannot be joined */
  #ready = new Promise((resolve) => (this.#onReady = resolve));
  #room;
  #timeline;
  #quoteOf;
  #onChange;
  #onRead;

  /**
   * @param {import("../../../roomcast.js").Room} room @param {import("../room/timeline.js").Timeline} timeline - the newest messages
   * @param {(seq: number) => import("../room/quotes.js").Quote} quoteOf @param {() => void} onChange
   * @param {(messages: readonly import("../../../roomcast.js").Message[]) => void} onRead - of a page
   */
  constructor(room, timeline, quoteOf, onChange, onRead) {
    this.#room = room;
    this.#timeline = timeline;
    this.#quoteOf = quoteOf;
    this.#onChange = onChange;
    this.#onRead = onRead;
  }

  get entries() {
    return (this.#past ?? this.#timeline).entries;
  }

  /** @returns {Earlier} */
  get earlier() {
    return this.#past?.earlier ?? this.#earlier;
  }

  /** @returns {Later} */
  get later() {
    return this.#past?.later ?? "end";
  }

  /** True if there may be messages before the newest ones that are loaded. */
  get hasEarlier() {
    return this.#earlier !== "start";
  }

  get #isLoading() {
    return this.#earlier === "loading";
  }

  /** What is known of the newest messages. @param {Earlier} earlier */
  set(earlier) {
    this.#earlier = earlier;
    if (earlier !== "joining") this.#onReady();
    this.#onChange();
  }

  /** Load the messages before the oldest one here. */
  async loadEarlier() {
    if (this.#past) return this.#past.loadEarlier();
    const before = this.#timeline.oldest;
    if (!(this.#earlier === "more" || this.#earlier === "failed") || before === undefined) return;
    this.set("loading");
    try {
      let page = await this.#room.history({ before, limit: PAGE });
      while (page.more && page.messages.length === 0) {
        page = await this.#room.history({ before: page.before, limit: PAGE });
      }
      if (!this.#isLoading || before !== this.#timeline.oldest) return; // The page does not fit any more.
      this.#timeline.prepend(page.messages);
      this.#onRead(page.messages);
      this.set(page.more ? "more" : "start");
    } catch {
      this.set("failed");
    }
  }

  /** Load the messages after the newest one here, if it is a place in the past. */
  async loadLater() {
    const past = this.#past;
    if (!past) return;
    await past.loadLater();
    this.#join(past);
  }

  /**
   * Show a message, wherever it is.
   *
   * @param {number} seq
   * @throws {Error} if it cannot be loaded: the server's RoomcastError, or of `import()`
   */
  async goTo(seq) {
    const goal = ++this.#goal;
    await this.#ready;
    if (goal !== this.#goal) return;
    if (this.entries.some((entry) => entry.kind === "message" && entry.seq === seq)) return this.#seek(seq);
    const end = this.#timeline.oldest;
    if (end === undefined || seq >= end) { // It is not there any more, or loaded now.
      this.goToEnd();
      return this.#seek(seq);
    }
    const { Past } = await pasts.get();
    const past = new Past(this.#room, end, this.#quoteOf, this.#onChange);
    const found = await past.open(seq);
    if (goal !== this.#goal || end !== this.#timeline.oldest) return; // The log has begun again, or lost its oldest messages.
    this.#past = past;
    this.#join(past);
    this.#seek(found);
  }

  /** The sought message is in view. */
  found() {
    this.sought = 0;
  }

  /** Show the newest messages. */
  goToEnd() {
    this.sought = 0;
    this.#goal++;
    if (!this.#past) return;
    this.#past = null;
    this.#onChange();
  }

  /** A message has changed. @param {import("../../../roomcast.js").Message} message */
  change(message) {
    this.#timeline.change(message);
    this.#past?.change(message);
  }

  /** @param {number} seq @param {import("../room/quotes.js").Quote} quote */
  requote(seq, quote) {
    this.#timeline.requote(seq, quote);
    this.#past?.requote(seq, quote);
  }

  /** The room has a new log: the entries that are here belong to none any more. */
  reset() {
    this.#past = null;
    this.set("start");
  }

  /** A past that has reached the newest messages is theirs now. @param {import("./past.js").Past} past */
  #join(past) {
    if (past !== this.#past || past.later !== "end") return;
    this.#past = null;
    this.#timeline.prepend(past.messages);
    this.#onRead(past.messages);
    this.set(past.earlier);
  }

  /** @param {number} seq */
  #seek(seq) {
    this.sought = seq;
    this.#onChange();
  }
}
