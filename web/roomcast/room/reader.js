import { history, LARGEST_PAGE } from "../protocol/frames.js";
import { Ledger } from "./sequence-buffer.js";

/**
 * In milliseconds. A hole is asked for when it is `lag` old: broadcasts may lag behind the answer to a send, and behind
 * each other. It is asked for again with growing pauses, the longest of which is `pause`, or `pauseAtEnd` where nothing
 * waits behind it. A hole that something waits behind is given up when it is older than `patience`.
 */
export const HOLES = { lag: 1_000, pause: 8_000, pauseAtEnd: 60_000, patience: 60_000 };
/** How long, in milliseconds, a room that has a head and no messages is believed to be only just writing them. */
export const BEGINNING = 10_000;

/** How many of the newest places are looked at again after an absence. */
const REVIEWED = 100;

/** What one learns from a page that is refused for good. @type {Page} */
const REFUSED = { messages: [], skipped: [], more: true, firstSeq: undefined };

/**
 * @typedef {import("../protocol/frames.js").Page} Page
 * @typedef {import("../protocol/frames.js").Run} Run
 * @typedef {import("../protocol/frames.js").Message} Message
 * @typedef {import("./membership.js").Mark} Mark
 * @typedef {<Answer>(make: () => import("../protocol/frames.js").Request<Answer>) => Promise<Answer>} Ask
 * @typedef {import("./sequence-buffer.js").Release | {type: "ready", detail: {more: boolean}} |
 *   {type: "changed", detail: Message}} News
 */

/** Reads one room's log: keeps its ledger, hands out what is in order, and asks for what is missing. */
export class Reader {
  #ledger = new Ledger();
  #oldest = 0; // the oldest seq that was read
  #unread = 0; // up to here there was nothing to be read in the beginning
  #asking = false;
  #stopped = false;
  #fruitless = 0; // how many times in a row nobody had the hole
  #atEnd = false; // nor anything behind it
  #notBefore = 0; // and it is not asked for again
  #more = false; // what is missing is known to be there, or was not asked for yet
  /** @type {any} */
  #timer = null;
  #begun = () => {};
  /** @type {Promise<void>} */
  #beginning = new Promise((resolve) => (this.#begun = resolve));
  #name;
  #history;
  #ask;
  #release;
  #clock;
  #random;

  /**
   * @param {string} name @param {number} history - how many earlier messages to begin with
   * @param {{ask: Ask, release: (news: News) => void,
   *   clock: import("../transport/clock.js").Clock, random: () => number}} tools
   */
  constructor(name, history, { ask, release, clock, random }) {
    this.#name = name;
    this.#history = history;
    this.#ask = ask;
    this.#release = release;
    this.#clock = clock;
    this.#random = random;
  }

  /** How far it is, for a join to be asked for. @returns {Mark} */
  get mark() {
    return { after: this.#ledger.contiguous, head: this.#ledger.head };
  }

  /** @param {import("../protocol/frames.js").Joined} joined @param {Mark} mark - from when it was asked for */
  resume({ seq, page }, { after }) {
    const now = this.#clock.now();
    this.#ledger.raise(seq, now);
    if (this.#ledger.contiguous === undefined) this.#begin();
    else if (page && after !== undefined) this.#absorb(page, after, now);
    else this.#goOn();
  }

  /** @param {Run} run - as the server broadcasts it */
  hear(run) {
    const { head } = this.#ledger;
    this.#ledger.add(run, this.#clock.now());
    if (this.#atEnd && this.#ledger.head > head) this.#forgetPauses(false);
    this.#goOn();
  }

  /** The room is known to have come to `seq`. @param {number} seq */
  raise(seq) {
    this.#ledger.raise(seq, this.#clock.now());
    this.#goOn();
  }

  /** @param {Message[]} messages - that are not what they were */
  change(messages) {
    for (const message of messages) {
      const isShown = this.#ledger.change(message, this.#clock.now());
      if (isShown && !this.#stopped) this.#release({ type: "changed", detail: message });
    }
    this.#goOn();
  }

  /** Looks again at the newest of what was told: who was away has not heard what became of it. */
  async review() {
    const { contiguous = 0 } = this.#ledger;
    if (contiguous === 0) return;
    const range = { before: contiguous + 1, limit: REVIEWED };
    const page = await this.#ask(() => history(this.#name, range)).catch(() => REFUSED);
    this.change(page.messages.filter(({ deleted }) => deleted));
  }

  /**
   * A page of what was before.
   *
   * @param {{before?: number, limit?: number}} range - `before` is the oldest seq that was read, if nothing is said
   * @returns {Promise<{messages: Message[], more: boolean, before: number}>}
   */
  async older({ before, limit = 50 }) {
    await this.#beginning;
    const from = before ?? this.#oldest;
    if (from <= 1 && !this.#stopped) return { messages: [], more: false, before: from };
    const page = await this.#ask(() => history(this.#name, { before: from, limit: Math.min(limit, LARGEST_PAGE) }));
    const next = lowest(page) ?? from;
    this.#oldest = Math.min(this.#oldest, next);
    const messages = inOrder(page.messages).map((message) => this.#ledger.latest(message));
    return { messages, more: page.more, before: next };
  }

  /** For good. */
  stop() {
    this.#stopped = true;
    this.#clock.clearTimeout(this.#timer);
    this.#begun();
  }

  /** Reads the newest messages that there are; the ledger begins with the oldest of them. */
  async #begin() {
    if (this.#asking) return;
    this.#asking = true;
    const { head } = this.#ledger;
    let oldest = head + 1;
    let wanted = this.#history;
    let more = head > 0;
    try {
      while (more && wanted > 0) {
        const range = { before: oldest, limit: Math.min(wanted, LARGEST_PAGE) };
        const page = await this.#ask(() => history(this.#name, range));
        this.#ledger.add(page, this.#clock.now());
        more = page.more && page.messages.length + page.skipped.length > 0;
        oldest = lowest(page) ?? oldest;
        wanted -= page.messages.length;
      }
      if (oldest > head) {
        // A head and no row: they have expired, or are being written right now.
        oldest = Math.max(1, head + 1 - this.#history);
        this.#unread = head;
      }
    } catch {
      // Its history is not for us: it begins with what is said from now on. (Or the room was left.)
      more = false;
    }
    this.#asking = false;
    if (this.#stopped) return;
    this.#oldest = oldest;
    this.#ledger.begin(oldest - 1, this.#clock.now());
    this.#begun();
    this.#goOn();
    if (!this.#stopped) this.#release({ type: "ready", detail: { more } });
  }

  /** Hands out what is in order by now, and plans when to ask for what is missing. */
  #goOn() {
    this.#clock.clearTimeout(this.#timer);
    for (const release of this.#ledger.take()) {
      if (this.#stopped) return; // by whoever heard the one before
      // A beginning that has expired is no gap in what one has seen.
      if (release.type === "message" || release.detail.from > this.#unread) this.#release(release);
    }
    const { hole } = this.#ledger;
    if (this.#stopped || this.#asking || !hole) return;
    const due = this.#more ? 0 : Math.max(hole.since + HOLES.lag, this.#notBefore);
    // Bounded from above, too: a computer's clock may be set back.
    const pause = Math.min(Math.max(0, due - this.#clock.now()), 2 * HOLES.pauseAtEnd);
    this.#timer = this.#clock.setTimeout(() => this.#fetch(), pause);
  }

  async #fetch() {
    const { contiguous: after = 0 } = this.#ledger;
    const asked = this.#clock.now();
    this.#asking = true;
    const page = await this.#ask(() => history(this.#name, { after, limit: LARGEST_PAGE })).catch(() => REFUSED);
    this.#asking = false;
    if (!this.#stopped) this.#absorb(page, after, asked);
  }

  /** @param {Page} page - what was found behind `after` @param {number} after @param {number} asked - when */
  #absorb(page, after, asked) {
    const ledger = this.#ledger;
    ledger.add(page, this.#clock.now());
    if (page.firstSeq) ledger.abandon(page.firstSeq - 1);
    const { hole, contiguous = 0 } = ledger;
    if (!hole || contiguous > after) {
      this.#forgetPauses(page.more);
    } else if (page.more && asked - hole.since >= this.#patienceWith(hole)) {
      // Only the first place: all that is known of those behind it is that they have not come by themselves.
      ledger.abandon(Math.max(hole.from, this.#unread));
      this.#forgetPauses(true);
    } else {
      this.#askAgain(page);
    }
    this.#goOn();
  }

  /** @param {Readonly<import("./sequence-buffer.js").Hole>} hole */
  #patienceWith(hole) {
    return hole.from <= this.#unread ? BEGINNING : HOLES.patience;
  }

  /** @param {boolean} more */
  #forgetPauses(more) {
    this.#fruitless = 0;
    this.#atEnd = false;
    this.#notBefore = this.#clock.now() + HOLES.lag;
    this.#more = more;
  }

  /** @param {Page} page - that did not have the hole */
  #askAgain(page) {
    this.#atEnd = !page.more;
    this.#more = false;
    const pause = Math.min(HOLES.lag * 2 ** this.#fruitless++, this.#atEnd ? HOLES.pauseAtEnd : HOLES.pause);
    // Half of the pause at random: a whole room may miss the same message.
    this.#notBefore = this.#clock.now() + pause * (0.75 + this.#random() / 2);
  }
}

/** @param {Run} run @returns {number | undefined} */
function lowest({ messages, skipped }) {
  const seqs = [...messages.map(({ seq }) => seq), ...skipped];
  return seqs.length ? Math.min(...seqs) : undefined;
}

/** @param {Message[]} messages */
const inOrder = (messages) => messages.toSorted((a, b) => a.seq - b.seq);
