import { beginning } from "../../words/messages/quote.js";

/**
 * What is shown of a message that another one answers.
 *
 * @typedef {object} Quote
 * @property {"loading" | "waiting" | "there" | "deleted" | "gone" | "failed"} state
 *   `waiting`: it is loaded once the room is joined
 * @property {string} user - empty unless the message is there or deleted, and so is the name
 * @property {string} name
 * @property {boolean} mine
 * @property {string} text - its beginning, if it is there
 */

const UNKNOWN = { user: "", name: "", mine: false, text: "" };
/** @type {Quote} */
const LOADING = { ...UNKNOWN, state: "loading" };
/** @type {Quote} */
const WAITING = { ...UNKNOWN, state: "waiting" };
/** @type {Quote} */
const FAILED = { ...UNKNOWN, state: "failed" };
/** @type {Quote} */
export const GONE = { ...UNKNOWN, state: "gone" };

/**
 * The quotes of one room: each is of the message as it is now. A message that is not loaded is requested, one at a time,
 * because a room may begin with fifty replies. It knows no timeline.
 */
export class Quotes {
  /** @type {Map<number, Quote>} by seq */
  #quotes = new Map();
  /** @type {number[]} seqs to be requested, the last one first: it is of the newest reply */
  #wanted = [];
  #isRequesting = false;
  #answered = 0; // the seq of the message that the user is answering; 0 if there is none
  #room;
  #onChange;

  /**
   * @param {import("../../../roomcast.js").Room} room
   * @param {(seq: number, quote: Quote) => void} onChange
   */
  constructor(room, onChange) {
    this.#room = room;
    this.#onChange = onChange;
    room.addEventListener("state", () => this.#onState());
  }

  /** What the user's next message answers; null if it answers nothing. @returns {{seq: number, quote: Quote} | null} */
  get answered() {
    return this.#answered ? { seq: this.#answered, quote: this.of(this.#answered) } : null;
  }

  /** @param {number} seq - of the message that the user's next one answers; 0: none */
  answer(seq) {
    this.#answered = seq;
    if (seq) this.of(seq);
  }

  /** The user's next message is written now. @returns {number} the seq of the message that it answers; 0: none */
  takeAnswered() {
    const seq = this.#answered;
    this.#answered = 0;
    return seq;
  }

  /** @param {number} seq @returns {Quote} what is known of it now */
  of(seq) {
    const known = this.#quotes.get(seq);
    if (known) return known;
    const pending = this.#pending;
    this.#quotes.set(seq, pending);
    this.#wanted.push(seq);
    this.#request();
    return pending;
  }

  /** A message has come, or has changed. @param {import("../../../roomcast.js").Message} message */
  note(message) {
    const { seq, user, name, deleted = false } = message;
    const before = this.#quotes.get(seq);
    if (!before) return;
    const state = deleted ? "deleted" : "there";
    const text = beginning(message.message);
    if (before.state === state && before.text === text) return;
    this.#set(seq, { state, user, name, mine: user === this.#room.user, text });
  }

  /** Forget the other quotes: they are not shown any more. @param {Set<number>} seqs */
  retain(seqs) {
    for (const seq of this.#quotes.keys()) if (!seqs.has(seq) && seq !== this.#answered) this.#quotes.delete(seq);
  }

  /** The room has a new log. The numbers are other messages' from now on. */
  reset() {
    this.#quotes = new Map();
    this.#wanted = [];
    this.#answered = 0;
  }

  /** What is shown of a message that is requested. */
  get #pending() {
    return this.#room.state === "joined" ? LOADING : WAITING;
  }

  /** The connection was lost, or is back. */
  #onState() {
    const pending = this.#pending;
    for (const [seq, quote] of this.#quotes) if (isPending(quote) && quote !== pending) this.#set(seq, pending);
  }

  async #request() {
    if (this.#isRequesting) return;
    this.#isRequesting = true;
    for (let seq; (seq = this.#wanted.pop()) !== undefined; ) {
      const quotes = this.#quotes;
      const message = await this.#room.message(seq).catch(() => undefined);
      if (quotes !== this.#quotes || !isPending(quotes.get(seq))) continue; // It has come meanwhile, or is another's.
      if (message) this.note(message);
      else this.#set(seq, message === null ? GONE : FAILED);
    }
    this.#isRequesting = false;
  }

  /** @param {number} seq @param {Quote} quote */
  #set(seq, quote) {
    this.#quotes.set(seq, quote);
    this.#onChange(seq, quote);
  }
}

/** @param {Quote | undefined} quote */
const isPending = (quote) => quote === LOADING || quote === WAITING;
