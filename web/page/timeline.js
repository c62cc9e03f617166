import { randomId } from "../roomcast.js";

/**
 * @typedef {import("../roomcast.js").Message} Message
 *
 * @typedef {object} Spoken - a message
 * @property {"message"} kind
 * @property {string} id
 * @property {number} seq - 0 until the room has given it one
 * @property {string} user - empty until then
 * @property {string} name
 * @property {string} text
 * @property {string} at - ISO 8601
 * @property {boolean} mine
 * @property {boolean} deleted - by a moderator; its text is empty
 * @property {boolean} live - it comes while somebody is here, not with what was said before
 * @property {"sending" | "sent" | "failed"} delivery
 * @property {string} code - why it was refused
 * @property {Date | null} waits - until when, because one writes faster than the room allows
 *
 * @typedef {{kind: "note", id: string, text: string, live: boolean}} Note - what happened, in between
 * @typedef {Spoken | Note} Entry
 * @typedef {{readonly user: string | undefined}} Self - as whom one speaks; unknown until the room is joined
 */

/** Older entries can leave the page, so that a window that stays open for a week stays light. */
export const MOST_ENTRIES = 500;

/**
 * One room as it is read: what is told of it, in that order, and at the end one's own messages that wait for their
 * place. The entries that are not live come before all that are.
 */
export class Timeline {
  /** @type {Entry[]} */
  #settled = [];
  /** @type {Spoken[]} */
  #waiting = [];
  /** @type {Entry | undefined} below which the room's present log begins */
  #boundary;
  #live = false;
  #self;

  /** @param {Self} self */
  constructor(self) {
    this.#self = self;
  }

  /** @returns {readonly Entry[]} the oldest first; an entry that changes is another object */
  get entries() {
    return [...this.#settled, ...this.#waiting];
  }

  /** @returns {number | undefined} the seq of the oldest message, if nothing of an earlier log is here */
  get oldest() {
    const earlier = this.#settled.some((entry) => entry === this.#boundary);
    return earlier ? undefined : this.#settled.find(hasPlace)?.seq;
  }

  /** What was said before is here by now, or as much of it as one begins with. */
  goLive() {
    this.#live = true;
    this.#settle();
  }

  /**
   * Shows a message of one's own before anybody has it; with the id of a refused one, takes that up again.
   * @param {{id: string, text: string, at: string}} message
   */
  write(message) {
    this.#take(message.id);
    const unplaced = { seq: 0, user: "", name: "", code: "", waits: null, mine: true, deleted: false, live: true };
    this.#waiting.push({ kind: "message", ...message, ...unplaced, delivery: "sending" });
  }

  /** A message of one's own has to wait for its turn. @param {string} id @param {Date} waits */
  delay(id, waits) {
    this.#waiting = this.#waiting.map((entry) => (entry.id === id ? { ...entry, waits } : entry));
  }

  /** A message of one's own is stored; the room has yet to tell of it. @param {{id: string, at: string}} ack */
  acknowledge({ id, at }) {
    this.#waiting = this.#waiting.map((entry) => (entry.id === id ? { ...entry, at, delivery: "sent" } : entry));
  }

  /**
   * A message of one's own is not sent. It keeps its place, and the conversation goes on below.
   * @param {string} id @param {string} code
   */
  refuse(id, code) {
    this.#waiting = this.#waiting.map((entry) =>
      entry.id === id && entry.delivery === "sending" ? { ...entry, code, delivery: "failed" } : entry,
    );
    this.#settle();
  }

  /** @param {Message} message - the room's next one @returns {boolean} whether somebody else says it just now */
  receive(message) {
    this.#take(message.id);
    const entry = this.#spoken(message, this.#live);
    this.#settled.push(entry);
    this.#settle();
    return entry.live && !entry.mine;
  }

  /** A message is not what it was, above all deleted. @param {Message} message */
  change(message) {
    this.#settled = this.#settled.map((entry) =>
      entry.kind === "message" && entry.id === message.id ? this.#spoken(message, entry.live) : entry,
    );
  }

  /** @param {readonly Message[]} messages - what was said right before the oldest one, in order */
  prepend(messages) {
    for (const { id } of messages) this.#take(id); // An own one that was stored long before its answer came.
    this.#settled.unshift(...messages.map((message) => this.#spoken(message, false)));
  }

  /** Says something in between. The same thing twice in a row is said once. @param {string} text */
  note(text) {
    const last = this.#settled.at(-1);
    if (last?.kind === "note" && last.text === text) return;
    this.#settled.push({ kind: "note", id: randomId(), text, live: this.#live });
  }

  /**
   * The room's log is another one from here on; the old one will tell no more of what it took.
   * @param {string} text - of the note that says so
   */
  beginAnew(text) {
    this.#settled.push(...this.#waiting.filter(({ delivery }) => delivery === "sent"));
    this.#waiting = this.#waiting.filter(({ delivery }) => delivery !== "sent");
    this.note(text);
    this.#boundary = this.#settled.at(-1);
  }

  /** Drops the oldest entries, if there are very many. @returns {boolean} whether there were */
  forget() {
    const excess = this.#settled.length - MOST_ENTRIES;
    if (excess <= 0) return false;
    this.#settled.splice(0, excess);
    return true;
  }

  /** Gives refused messages the place that they have when nothing waits before them any more. */
  #settle() {
    if (!this.#live) return; // What was said before has yet to go above them.
    while (this.#waiting[0]?.delivery === "failed") this.#settled.push(...this.#waiting.splice(0, 1));
  }

  /** @param {string} id @returns {Spoken | undefined} the message of that id, which is no longer here */
  #take(id) {
    const has = (/** @type {Entry} */ entry) => entry.kind === "message" && entry.id === id;
    const index = this.#settled.findLastIndex(has);
    if (index >= 0) return /** @type {Spoken} */ (this.#settled.splice(index, 1)[0]);
    const waiting = this.#waiting.findIndex(has);
    return waiting < 0 ? undefined : this.#waiting.splice(waiting, 1)[0];
  }

  /** @param {Message} message @param {boolean} live @returns {Spoken} */
  #spoken({ id, seq, user, name, message: text, at, deleted = false }, live) {
    const mine = user === this.#self.user;
    const delivery = "sent";
    return { kind: "message", id, seq, user, name, text, at, live, mine, deleted, delivery, code: "", waits: null };
  }
}

/** @param {Entry} entry @returns {entry is Spoken} */
const hasPlace = (entry) => entry.kind === "message" && entry.seq > 0;
