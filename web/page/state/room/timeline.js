// A bit over 300 lines: a fifth of them say what an entry is.
import { shownReactions } from "./reactions.js";
import { UNANSWERABLE, withoutNumbers } from "./earlier-log.js";
import { GONE } from "./quotes.js";
import { randomId } from "../../../roomcast.js";

/**
 * @typedef {import("../../../roomcast.js").Message} Message
 * @typedef {import("./quotes.js").Quote} Quote
 *
 * @typedef {object} MessageEntry
 * @property {"message"} kind
 * @property {string} id
 * @property {number} seq - 0 until it is stored, and if it is of an earlier log
 * @property {string} user - empty if the user's own is not known yet, and so is the `name`
 * @property {string} name
 * @property {string} text
 * @property {string} at - ISO 8601
 * @property {boolean} mine
 * @property {boolean} deleted - its text is empty
 * @property {boolean} undoable - the user has deleted it, and can still undo that
 * @property {string} editedAt - ISO 8601; empty if it was never edited
 * @property {readonly ShownReaction[]} reactions
 * @property {number} replyTo - the seq of the message that it answers; 0 if that is none of this log
 * @property {Quote | null} quote - of the message that it answers; null if it answers none
 * @property {readonly string[]} mentions - the users that it mentions
 * @property {boolean} atMe - another user has written it, and it mentions this one
 * @property {number} root - the seq of the first message of its thread; 0 if it answers none
 * @property {number} replies - in its thread, if it is the first
 * @property {boolean} changing - a change by the user is not stored yet
 * @property {boolean} live - true if it came after the history that the room begins with
 * @property {"sending" | "sent" | "failed"} delivery
 * @property {string} code - of the error, if it failed
 * @property {Date | null} waitsUntil - because the user writes faster than the room allows
 * @property {boolean} isSlow - it waits because the room is in slow mode
 *
 * @typedef {import("./reactions.js").ShownReaction} ShownReaction
 * @typedef {{kind: "note", id: string, readonly text: string, live: boolean}} NoteEntry - a line about something that
 *   happened; its text may change at midnight
 * @typedef {MessageEntry | NoteEntry} Entry
 * @typedef {{readonly user: string | undefined, readonly me?: import("../../../roomcast.js").Person}} Self - the user; unknown
 *   until the room is joined
 */

/** Of a message that nobody has changed. */
const UNCHANGED = { deleted: false, undoable: false, editedAt: "", reactions: [], atMe: false, changing: false, root: 0, replies: 0 };

/** Older entries are dropped, so that a window that is open for a week stays fast. */
export const MAX_ENTRIES = 20_000;

/**
 * The entries of one room: those with a fixed place in order, then the user's own messages that wait for one. The entries
 * that are not live come before the live ones. A changed entry is a new object with the same id.
 */
export class Timeline {
  // Maps keep the order, and give and replace an entry by its id without a walk through thousands.
  /** @type {Map<string, Entry>} by id */
  #placed = new Map();
  /** @type {Map<string, MessageEntry>} by id */
  #waiting = new Map();
  /** @type {Map<number, Set<string>>} the ids of the replies, by the seq that they answer */
  #replies = new Map();
  /** @type {readonly Entry[] | undefined} undefined after a change, until somebody asks */
  #entries;
  #boundary = ""; // the id of the last entry before the room's present log
  #live = false;
  /** @type {Set<string>} the ids of the messages that an earlier visit has seen, and this one not yet */
  #remembered = new Set();
  #self;
  #quoteOf;

  /** @param {Self} self @param {(seq: number) => Quote} quoteOf - of a message of the room's present log */
  constructor(self, quoteOf) {
    this.#self = self;
    this.#quoteOf = quoteOf;
  }

  /** @returns {readonly Entry[]} oldest first; the same array until something changes */
  get entries() {
    return (this.#entries ??= [...this.#placed.values(), ...this.#waiting.values()]);
  }

  /** @returns {number | undefined} the seq of the oldest message; undefined if entries of an earlier log are here */
  get oldest() {
    if (this.#placed.has(this.#boundary)) return undefined;
    for (const entry of this.#placed.values()) if (entry.kind === "message" && entry.seq > 0) return entry.seq;
    return undefined;
  }

  /** The seqs of the messages that the entries answer. @returns {Set<number>} */
  get answered() {
    return new Set(this.#replies.keys());
  }

  /** @param {string} id - of a message @returns {{replyTo: number, mentions: readonly string[]}} as it was written */
  writtenWith(id) {
    const entry = this.#waiting.get(id) ?? this.#placed.get(id);
    return entry?.kind === "message" ? entry : { replyTo: 0, mentions: [] };
  }

  /** Show what an earlier visit has seen, until the room's history comes. @param {readonly MessageEntry[]} entries */
  remember(entries) {
    for (const entry of entries) {
      this.#put(this.#placed, { ...entry, live: false });
      this.#remembered.add(entry.id);
    }
  }

  /** What is remembered and has not come again may be deleted by now, or far above. */
  forgetRemembered() {
    for (const id of this.#remembered) this.#remove(this.#placed, id);
    this.#remembered.clear();
  }

  /** The history that the room begins with is complete: later entries are live. */
  goLive() {
    this.#live = true;
    this.forgetRemembered();
    this.#placeFailed();
  }

  /**
   * Show the user's message before the server has it. The id of a failed one shows that one as sending again.
   * @param {{id: string, text: string, at: string, replyTo: number, mentions?: readonly string[]}} message - `replyTo`: 0
   *   if it answers none
   */
  write({ replyTo, mentions = [], ...message }) {
    this.#removeId(message.id);
    const { user, name } = this.#self.me ?? { user: "", name: "" };
    const fields = { seq: 0, user, name, code: "", waitsUntil: null, isSlow: false, mine: true, live: true };
    const answer = { replyTo, quote: replyTo ? this.#quoteOf(replyTo) : null };
    this.#put(this.#waiting, { kind: "message", ...UNCHANGED, ...message, mentions, ...answer, ...fields, delivery: "sending" });
  }

  /** The user's message has to wait. @param {string} id @param {Date} waitsUntil @param {boolean} [isSlow] - in slow mode */
  delay(id, waitsUntil, isSlow = false) {
    this.#update(id, { waitsUntil, isSlow });
  }

  /** The user's message is stored; the room's copy has not come yet. @param {{id: string, at: string}} ack */
  acknowledge({ id, at }) {
    this.#update(id, { at, delivery: "sent" });
  }

  /**
   * The user's message failed. It keeps its place, and newer messages come below it.
   * @param {string} id @param {string} code
   */
  fail(id, code) {
    const entry = this.#waiting.get(id);
    if (entry?.delivery !== "sending") return;
    const isUnanswerable = entry.quote && code === UNANSWERABLE;
    this.#update(id, { ...(isUnanswerable && { replyTo: 0, quote: GONE }), code, delivery: "failed" });
    this.#placeFailed();
  }

  /** @param {Message} message - the room's next one */
  receive(message) {
    this.#remembered.delete(message.id);
    this.#removeId(message.id);
    this.#put(this.#placed, this.#entryOf(message, this.#live));
    this.#placeFailed();
  }

  /** A message that others answer has come, or has changed. @param {number} seq @param {Quote} quote */
  requote(seq, quote) {
    for (const id of [...(this.#replies.get(seq) ?? [])]) {
      for (const entries of [this.#placed, this.#waiting]) {
        const entry = entries.get(id);
        if (entry?.kind === "message" && entry.replyTo === seq) this.#put(entries, { ...entry, quote });
      }
    }
  }

  /** A message has changed: it was edited or deleted, or has other reactions. @param {Message} message */
  change(message) {
    const entry = this.#placed.get(message.id);
    if (entry?.kind !== "message") return;
    this.#put(this.#placed, { ...this.#entryOf(message, entry.live), undoable: entry.undoable });
  }

  /** The user has deleted a message, and can undo that, or not any more. @param {string} id @param {boolean} undoable */
  mark(id, undoable) {
    const entry = this.#placed.get(id);
    if (entry?.kind === "message") this.#put(this.#placed, { ...entry, undoable });
  }

  /** Forget a message that failed. @param {string} id */
  discard(id) {
    const entry = this.#placed.get(id) ?? this.#waiting.get(id);
    if (entry?.kind === "message" && entry.delivery === "failed") this.#removeId(id);
  }

  /** @param {readonly Message[]} messages - the messages before the oldest one, in order */
  prepend(messages) {
    // A message of the user may be among them, stored long before its reply came.
    for (const { id } of messages) this.#removeId(id);
    const later = this.#placed;
    this.#placed = new Map();
    for (const message of messages) this.#put(this.#placed, this.#entryOf(message, false));
    for (const [id, entry] of later) this.#placed.set(id, entry);
  }

  /** Add a note, unless the last entry is the same note. @param {string | (() => string)} text - now, whenever asked */
  note(text) {
    const textNow = () => (typeof text === "string" ? text : text());
    const last = [...this.#placed.values()].at(-1);
    if (last?.kind === "note" && last.text === textNow()) return;
    this.#put(this.#placed, { kind: "note", id: randomId(), live: this.#live, get text() { return textNow(); } });
  }

  /**
   * The room has a new log from here on. The old log will send no more copies of the messages that it stored.
   * @param {string} text - of the note that says so
   */
  reset(text) {
    const placed = [...this.#placed.values()];
    const waiting = [...this.#waiting.values()];
    this.#placed = new Map();
    this.#waiting = new Map();
    this.#replies = new Map();
    for (const entry of placed) this.#put(this.#placed, withoutNumbers(entry));
    for (const entry of waiting) {
      this.#put(entry.delivery === "sent" ? this.#placed : this.#waiting, withoutNumbers(entry));
    }
    this.note(text);
    this.#boundary = [...this.#placed.keys()].at(-1) ?? "";
  }

  /** Drop the oldest entries, if there are too many. @returns {boolean} true if there were */
  trim() {
    const isTooLong = this.#placed.size > MAX_ENTRIES;
    for (const id of this.#placed.keys()) {
      if (this.#placed.size <= MAX_ENTRIES) break;
      this.#remove(this.#placed, id);
    }
    return isTooLong;
  }

  /**
   * Put an entry in the place of its id, or at the end.
   * @template {Entry} Kind @param {Map<string, Kind>} entries @param {Kind} entry
   */
  #put(entries, entry) {
    const before = entries.get(entry.id);
    if (before) this.#forgetReply(before);
    entries.set(entry.id, entry);
    this.#entries = undefined;
    if (entry.kind !== "message" || !entry.replyTo) return;
    const replies = this.#replies.get(entry.replyTo) ?? new Set();
    this.#replies.set(entry.replyTo, replies.add(entry.id));
  }

  /** Change a message that waits. @param {string} id @param {Partial<MessageEntry>} changes */
  #update(id, changes) {
    const entry = this.#waiting.get(id);
    if (entry) this.#put(this.#waiting, { ...entry, ...changes });
  }

  /** Fix the place of failed messages that no longer wait behind others. */
  #placeFailed() {
    if (!this.#live) return; // The history has to come above them first.
    for (const [id, entry] of this.#waiting) {
      if (entry.delivery !== "failed") return;
      this.#remove(this.#waiting, id);
      this.#put(this.#placed, entry);
    }
  }

  /** @param {Map<string, Entry> | Map<string, MessageEntry>} entries @param {string} id */
  #remove(entries, id) {
    const entry = entries.get(id);
    if (!entry) return;
    entries.delete(id);
    this.#entries = undefined;
    this.#forgetReply(entry);
  }

  /** @param {string} id - of a message */
  #removeId(id) {
    this.#remove(this.#placed, id);
    this.#remove(this.#waiting, id);
  }

  /** @param {Entry} entry */
  #forgetReply(entry) {
    if (entry.kind !== "message") return;
    const replies = this.#replies.get(entry.replyTo);
    replies?.delete(entry.id);
    if (replies?.size === 0) this.#replies.delete(entry.replyTo);
  }

  /** @param {Message} message @param {boolean} live @returns {MessageEntry} */
  #entryOf({ id, seq, user, name, message: text, at, replyTo = 0, ...message }, live) {
    const { deleted = false, editedAt = "", reactions = [], mentions = [], root = 0, replies = 0 } = message;
    const mine = user === this.#self.user;
    const atMe = !mine && mentions.some((mentioned) => mentioned === this.#self.user);
    const answer = { replyTo, quote: replyTo ? this.#quoteOf(replyTo) : null };
    const shown = { reactions: shownReactions(reactions, this.#self.user), root, replies, mentions, atMe, ...answer };
    const changes = { deleted, undoable: false, editedAt, changing: message.pending ?? false, ...shown };
    const fields = { live, mine, ...changes, delivery: /** @type {const} */ ("sent"), code: "", waitsUntil: null, isSlow: false };
    return { kind: "message", id, seq, user, name, text, at, ...fields };
  }
}
