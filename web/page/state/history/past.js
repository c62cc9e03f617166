import { Timeline } from "../room/timeline.js";

/** Messages around the one that is sought, at first; and those per page further on: the most that the server gives. */
const AROUND = 25;
const PAGE = 200;

/**
 * The messages of a room around one that lies before all that is loaded, such as that of a link: a place in the past, apart
 * from the messages that come. Its pages grow in both directions, until they reach what is loaded.
 */
export class Past {
  /** @type {"more" | "loading" | "start" | "failed"} */
  earlier = "loading";
  /** @type {"more" | "loading" | "end" | "failed"} */
  later = "loading";
  /** @type {import("../../../roomcast.js").Message[]} */
  #messages = [];
  #timeline;
  #before = 0;
  #after = 0;
  #end;
  #log;
  #onChange;

  /**
   * @param {Pick<import("../../../roomcast.js").Room, "history" | "user">} log
   * @param {number} end - the seq of the oldest message that is loaded: there the past ends
   * @param {(seq: number) => import("../room/quotes.js").Quote} quoteOf @param {() => void} onChange
   */
  constructor(log, end, quoteOf, onChange) {
    this.#log = log;
    this.#end = end;
    this.#onChange = onChange;
    this.#timeline = new Timeline(log, quoteOf);
  }

  get entries() {
    return this.#timeline.entries;
  }

  /** Its messages, in order. @returns {readonly import("../../../roomcast.js").Message[]} */
  get messages() {
    return this.#messages;
  }

  /** Load the messages around one. @param {number} seq @returns {Promise<number>} the seq of the message there, or of the one before it; 0 if none is left */
  async open(seq) {
    const before = Math.min(seq + AROUND, this.#end);
    const page = await this.#log.history({ before, limit: 2 * AROUND });
    this.#before = page.before;
    this.#after = before - 1;
    this.#messages = page.messages;
    this.#timeline.prepend(page.messages);
    this.earlier = page.more ? "more" : "start";
    this.later = before < this.#end ? "more" : "end";
    return page.messages.findLast((message) => message.seq <= seq)?.seq ?? page.messages[0]?.seq ?? 0;
  }

  async loadEarlier() {
    if (this.earlier !== "more" && this.earlier !== "failed") return;
    await this.#load("earlier", async () => {
      const page = await this.#log.history({ before: this.#before, limit: PAGE });
      this.#before = page.before;
      this.#messages = [...page.messages, ...this.#messages];
      this.#timeline.prepend(page.messages);
      return page.more ? "more" : "start";
    });
  }

  async loadLater() {
    if (this.later !== "more" && this.later !== "failed") return;
    await this.#load("later", async () => {
      const page = await this.#log.history({ after: this.#after, limit: PAGE });
      this.#after = page.after;
      const messages = page.messages.filter(({ seq }) => seq < this.#end);
      this.#messages = [...this.#messages, ...messages];
      for (const message of messages) this.#timeline.receive(message);
      return page.more && page.after < this.#end - 1 ? "more" : "end";
    });
  }

  /** A message has changed. @param {import("../../../roomcast.js").Message} message */
  change(message) {
    this.#messages = this.#messages.map((each) => (each.seq === message.seq ? message : each));
    this.#timeline.change(message);
  }

  /** @param {number} seq @param {import("../room/quotes.js").Quote} quote */
  requote(seq, quote) {
    this.#timeline.requote(seq, quote);
  }

  /** @param {"earlier" | "later"} direction @param {() => Promise<any>} load */
  async #load(direction, load) {
    this[direction] = "loading";
    this.#onChange();
    try {
      this[direction] = await load();
    } catch {
      this[direction] = "failed";
    }
    this.#onChange();
  }
}
