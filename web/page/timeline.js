import { GONE } from "./quotes.js";
import { randomId } from "../roomcast.js";

/**
 * @typedef {import("../roomcast.js").Message} Message
 * @typedef {import("./quotes.js").Quote} Quote
 *
 * @typedef {object} MessageEntry
 * @property {"message"} kind
 * @property {string} id
 * @property {number} seq - 0 until it is stored, and if it is of an earlier log
 * @property {string} user - empty until it is stored
 * @property {string} name
 * @property {string} text
 * @property {string} at - ISO 8601
 * @property {boolean} mine
 * @property {boolean} deleted - its text is empty
 * @property {string} editedAt - ISO 8601; empty if it was never edited
 * @property {readonly ShownReaction[]} reactions
 * @property {number} replyTo - the seq of the message that it answers; 0 if that is none of this log
 * @property {Quote | null} quote - of the message that it answers; null if it answers none
 * @property {boolean} changing - a change by the user is not stored yet
 * @property {boolean} live - true if it came after the history that the room begins with
 * @property {"sending" | "sent" | "failed"} delivery
 * @property {string} code - of the error, if it failed
 * @property {Date | null} waitsUntil - because the user writes faster than the room allows
 *
 * @typedef {{reaction: string, count: number, names: string[], mine: boolean}} ShownReaction - `names`: of some of those
 *   who reacted; `mine`: the user is among them
 * @typedef {{kind: "note", id: string, readonly text: string, live: boolean}} NoteEntry - a line about something that
 *   happened; its text may change at midnight
 * @typedef {MessageEntry | NoteEntry} Entry
 * @typedef {{readonly user: string | undefined}} Self - the user; unknown until the room is joined
 */

/** Of a message that nobody has changed. */
const UNCHANGED = { deleted: false, editedAt: "", reactions: [], changing: false };

/** The code of a reply to a message that is not there any more. */
const UNANSWERABLE = "invalid_message";

/** Older entries are dropped, so that a window that is open for a week stays fast. */
export const MAX_ENTRIES = 500;

/**
 * The entries of one room, as shown: those with a fixed place in order, then the user's own messages that wait for one.
 * The entries that are not live come before the live ones.
 */
export class Timeline {
  /** @type {Entry[]} */
  #placed = [];
  /** @type {MessageEntry[]} */
  #waiting = [];
  /** @type {Entry | undefined} the last entry before the room's present log */
  #boundary;
  #live = false;
  #self;
  #quoteOf;

  /** @param {Self} self @param {(seq: number) => Quote} quoteOf - of a message of the room's present log */
  constructor(self, quoteOf) {
    this.#self = self;
    this.#quoteOf = quoteOf;
  }

  /** @returns {readonly Entry[]} oldest first; a changed entry is a new object */
  get entries() {
    return [...this.#placed, ...this.#waiting];
  }

  /** @returns {number | undefined} the seq of the oldest message; undefined if entries of an earlier log are here */
  get oldest() {
    const hasEarlierLog = this.#placed.some((entry) => entry === this.#boundary);
    return hasEarlierLog ? undefined : this.#placed.find(hasSeq)?.seq;
  }

  /** The seqs of the messages that the entries answer. @returns {Set<number>} */
  get answered() {
    return new Set(this.entries.flatMap((entry) => (entry.kind === "message" && entry.replyTo) || []));
  }

  /** @param {string} id - of an entry @returns {number} the seq of the message that it answers; 0 if there is none */
  answeredBy(id) {
    const entry = this.entries.find((entry) => entry.id === id);
    return entry?.kind === "message" ? entry.replyTo : 0;
  }

  /** The history that the room begins with is complete: later entries are live. */
  goLive() {
    this.#live = true;
    this.#placeFailed();
  }

  /**
   * Show the user's message before the server has it. The id of a failed one shows that one as sending again.
   * @param {{id: string, text: string, at: string, replyTo: number}} message - `replyTo`: 0 if it answers none
   */
  write({ replyTo, ...message }) {
    this.#remove(message.id);
    const fields = { seq: 0, user: "", name: "", code: "", waitsUntil: null, mine: true, live: true };
    const answer = { replyTo, quote: replyTo ? this.#quoteOf(replyTo) : null };
    this.#waiting.push({ kind: "message", ...UNCHANGED, ...message, ...answer, ...fields, delivery: "sending" });
  }

  /** The user's message has to wait. @param {string} id @param {Date} waitsUntil */
  delay(id, waitsUntil) {
    this.#waiting = this.#waiting.map((entry) => (entry.id === id ? { ...entry, waitsUntil } : entry));
  }

  /** The user's message is stored; the room's copy has not come yet. @param {{id: string, at: string}} ack */
  acknowledge({ id, at }) {
    this.#waiting = this.#waiting.map((entry) => (entry.id === id ? { ...entry, at, delivery: "sent" } : entry));
  }

  /**
   * The user's message failed. It keeps its place, and newer messages come below it.
   * @param {string} id @param {string} code
   */
  fail(id, code) {
    this.#waiting = this.#waiting.map((entry) => {
      if (entry.id !== id || entry.delivery !== "sending") return entry;
      const isUnanswerable = entry.quote && code === UNANSWERABLE;
      return { ...entry, ...(isUnanswerable && { replyTo: 0, quote: GONE }), code, delivery: "failed" };
    });
    this.#placeFailed();
  }

  /** @param {Message} message - the room's next one @returns {boolean} true if it is new and of another user */
  receive(message) {
    this.#remove(message.id);
    const entry = this.#entryOf(message, this.#live);
    this.#placed.push(entry);
    this.#placeFailed();
    return entry.live && !entry.mine;
  }

  /** A message that others answer has come, or has changed. @param {number} seq @param {Quote} quote */
  requote(seq, quote) {
    /** @template {Entry} Kind @param {Kind} entry @returns {Kind} */
    const update = (entry) => (entry.kind === "message" && entry.replyTo === seq ? { ...entry, quote } : entry);
    this.#placed = this.#placed.map(update);
    this.#waiting = this.#waiting.map(update);
  }

  /** A message has changed: it was edited or deleted, or has other reactions. @param {Message} message */
  change(message) {
    this.#placed = this.#placed.map((entry) =>
      entry.kind === "message" && entry.id === message.id ? this.#entryOf(message, entry.live) : entry,
    );
  }

  /** @param {readonly Message[]} messages - the messages before the oldest one, in order */
  prepend(messages) {
    // A message of the user may be among them, stored long before its reply came.
    for (const { id } of messages) this.#remove(id);
    this.#placed.unshift(...messages.map((message) => this.#entryOf(message, false)));
  }

  /** Add a note, unless the last entry is the same note. @param {string | (() => string)} text - now, whenever asked */
  note(text) {
    const textNow = () => (typeof text === "string" ? text : text());
    const last = this.#placed.at(-1);
    if (last?.kind === "note" && last.text === textNow()) return;
    const note = { kind: /** @type {const} */ ("note"), id: randomId(), live: this.#live, get text() { return textNow(); } };
    this.#placed.push(note);
  }

  /**
   * The room has a new log from here on. The old log will send no more copies of the messages that it stored.
   * @param {string} text - of the note that says so
   */
  reset(text) {
    this.#placed.push(...this.#waiting.filter(({ delivery }) => delivery === "sent"));
    this.#waiting = this.#waiting.filter(({ delivery }) => delivery !== "sent");
    this.#placed = this.#placed.map(withoutNumbers);
    this.#waiting = this.#waiting.map(withoutNumbers);
    this.note(text);
    this.#boundary = this.#placed.at(-1);
  }

  /** Drop the oldest entries, if there are too many. @returns {boolean} true if there were */
  trim() {
    const excess = this.#placed.length - MAX_ENTRIES;
    if (excess <= 0) return false;
    this.#placed.splice(0, excess);
    return true;
  }

  /** Fix the place of failed messages that no longer wait behind others. */
  #placeFailed() {
    if (!this.#live) return; // The history has to come above them first.
    while (this.#waiting[0]?.delivery === "failed") this.#placed.push(...this.#waiting.splice(0, 1));
  }

  /** @param {string} id @returns {MessageEntry | undefined} the removed message */
  #remove(id) {
    const has = (/** @type {Entry} */ entry) => entry.kind === "message" && entry.id === id;
    const index = this.#placed.findLastIndex(has);
    if (index >= 0) return /** @type {MessageEntry} */ (this.#placed.splice(index, 1)[0]);
    const waitingAt = this.#waiting.findIndex(has);
    return waitingAt < 0 ? undefined : this.#waiting.splice(waitingAt, 1)[0];
  }

  /** @param {Message} message @param {boolean} live @returns {MessageEntry} */
  #entryOf({ id, seq, user, name, message: text, at, replyTo = 0, ...message }, live) {
    const { deleted = false, editedAt = "", reactions = [], pending: changing = false } = message;
    const mine = user === this.#self.user;
    const answer = { replyTo, quote: replyTo ? this.#quoteOf(replyTo) : null };
    const changes = { deleted, editedAt, changing, reactions: reactions.map((each) => this.#shown(each)), ...answer };
    const fields = { live, mine, ...changes, delivery: /** @type {const} */ ("sent"), code: "", waitsUntil: null };
    return { kind: "message", id, seq, user, name, text, at, ...fields };
  }

  /** @param {import("../roomcast.js").Reaction} reaction @returns {ShownReaction} */
  #shown({ reaction, count, people }) {
    const mine = people.some(({ user }) => user === this.#self.user);
    return { reaction, count, mine, names: people.map(({ name }) => name) };
  }
}

/** @param {Entry} entry @returns {entry is MessageEntry} */
const hasSeq = (entry) => entry.kind === "message" && entry.seq > 0;

/**
 * Return an entry of an earlier log. By its old numbers, a reader would react to other messages, and quote and edit them.
 *
 * @template {Entry} Kind @param {Kind} entry @returns {Kind}
 */
function withoutNumbers(entry) {
  if (entry.kind === "note") return entry;
  const { quote, delivery } = entry;
  if (!quote) return { ...entry, seq: 0 };
  const isKnown = quote.state === "there" || quote.state === "deleted";
  const unanswerable = delivery === "failed" && { code: UNANSWERABLE }; // Sent again, it would answer another message.
  return { ...entry, ...unanswerable, seq: 0, replyTo: 0, quote: isKnown ? quote : GONE };
}
