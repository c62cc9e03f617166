import { searchable } from "../../text/rank.js";

/** Messages per request, the most that the server gives, and requests per step further back. */
const PAGE = 200;
const PAGES = 5;
/** Messages that are found. A search for more of them is one for other words. */
const MAX_FOUND = 200;

/**
 * @typedef {import("../../../roomcast.js").Message} Message
 * @typedef {Pick<import("../../../roomcast.js").Room, "history" | "head">} Log
 * @typedef {{seq: number, name: string, text: string, at: string, mine: boolean}} Searched - a message
 *
 * @typedef {object} Found
 * @property {readonly Searched[]} messages - newest first. A later one of the same search begins with these
 * @property {number} searched - how many messages were looked through
 * @property {string} backTo - when the oldest of them was written, ISO 8601; empty if there is none
 * @property {"more" | "searching" | "start" | "failed" | "full"} earlier - `more`: there may be earlier messages; `full`: so many were found that it looks no further
 */

/**
 * A search through one room: first what is in memory, then further back, a step at a time and only if asked. Dispatches
 * `change`.
 */
export class Search extends EventTarget {
  /** @type {Found} */
  found;
  #sought;
  #before;
  #isStopped = false;
  #isFull = false;
  #log;
  #self;

  /**
   * @param {Log} log @param {string | undefined} self - the user
   * @param {string} query - not empty
   * @param {readonly Searched[]} known - findable messages in memory, oldest first, up to the newest
   * @param {boolean} hasMore - there may be messages before them
   */
  constructor(log, self, query, known, hasMore) {
    super();
    this.#log = log;
    this.#self = self;
    this.#sought = searchable(query.trim());
    this.#before = known.find(({ seq }) => seq > 0)?.seq ?? log.head + 1;
    const messages = this.#add([], known);
    const earlier = this.#isFull ? "full" : hasMore ? "more" : "start";
    this.found = { messages, searched: known.length, backTo: known[0]?.at ?? "", earlier };
  }

  /** Look through the next thousand messages. */
  async lookFurther() {
    if (this.found.earlier !== "more" && this.found.earlier !== "failed") return;
    this.#update({ earlier: "searching" });
    try {
      let more = true;
      for (let pages = 0; pages < PAGES && more && !this.#isFull && !this.#isStopped; pages++) more = await this.#lookAtPage();
      this.#update({ earlier: this.#isFull ? "full" : more ? "more" : "start" });
    } catch {
      this.#update({ earlier: "failed" });
    }
  }

  /** Nobody waits for it any more. */
  stop() {
    this.#isStopped = true;
  }

  /** @returns {Promise<boolean>} true if there are messages before this page */
  async #lookAtPage() {
    const page = await this.#log.history({ before: this.#before, limit: PAGE });
    this.#before = page.before;
    const read = page.messages.filter(({ deleted }) => !deleted).map((message) => searched(message, this.#self));
    const { messages, searched: count, backTo } = this.found;
    this.#update({
      messages: this.#add(messages, read),
      searched: count + page.messages.length,
      backTo: page.messages[0]?.at ?? backTo,
    });
    return page.more;
  }

  /** @param {readonly Searched[]} found - newest first @param {readonly Searched[]} earlier - oldest first; those that match are added */
  #add(found, earlier) {
    const all = [...found, ...earlier.filter((message) => this.#matches(message)).reverse()];
    this.#isFull = all.length > MAX_FOUND;
    return all.slice(0, MAX_FOUND);
  }

  /** @param {Searched} message */
  #matches({ text, name }) {
    return searchable(text).includes(this.#sought) || searchable(name).startsWith(this.#sought);
  }

  /** @param {Partial<Found>} changes */
  #update(changes) {
    this.found = { ...this.found, ...changes };
    if (!this.#isStopped) this.dispatchEvent(new CustomEvent("change"));
  }
}

/**
 * True for a message that a result can lead to: it is stored, and has its text.
 * @param {import("../room/timeline.js").Entry} entry @returns {entry is import("../room/timeline.js").MessageEntry}
 */
export const isFindable = (entry) => entry.kind === "message" && entry.seq > 0 && !entry.deleted && !entry.undoable;

/** @param {Message} message @param {string | undefined} self @returns {Searched} */
const searched = ({ seq, user, name, message: text, at }, self) => ({ seq, name, text, at, mine: user === self });

/**
 * Return the seq of the first message since a moment, or null if there is none. Halves the room's log with each request:
 * about 17 for 100,000 messages.
 *
 * @param {Log} log @param {Date} moment
 * @returns {Promise<number | null>}
 */
export async function seqSince(log, moment) {
  let [earlier, found] = [0, log.head + 1]; // what lies between them is not known
  while (earlier + 1 < found) {
    const middle = Math.floor((earlier + found) / 2);
    const message = await newestUpTo(log, middle, earlier);
    if (message && Date.parse(message.at) >= moment.getTime()) found = message.seq;
    else earlier = middle;
  }
  return found > log.head ? null : found;
}

/**
 * Return the newest message between two numbers: some are not of messages, and old ones expire.
 *
 * @param {Log} log @param {number} last @param {number} after
 * @returns {Promise<Message | undefined>}
 */
async function newestUpTo(log, last, after) {
  for (let before = last + 1; before > after + 1; ) {
    const page = await log.history({ before, limit: 1 });
    const message = page.messages.at(-1);
    if (message || !page.more) return message && message.seq > after ? message : undefined;
    before = page.before;
  }
  return undefined;
}
