// A bit over 300 lines: every way of reading the log shares one buffer and one schedule.
import { Forms } from "./forms.js";
import { GapSchedule } from "./gap-schedule.js";
import { history, MAX_PAGE } from "../../protocol/frames.js";
import { highestSeq, lowestSeq } from "../../protocol/entries.js";
import { SequenceBuffer } from "./sequence-buffer.js";

/** How many of the newest entries are read again if numbers are lost: they may have been changes. */
const REVIEWED = 500;

/** Stands for a page that the server does not give: it fills no gap. @type {Page} */
const NO_PAGE = { epoch: undefined, messages: [], changes: [], skipped: [], more: true, firstSeq: undefined };

/**
 * @typedef {import("../../protocol/frames.js").Page} Page
 * @typedef {import("../../protocol/frames.js").Epoch} Epoch
 * @typedef {import("../../protocol/entries.js").Run} Run
 * @typedef {import("../../protocol/entries.js").Message} Message
 * @typedef {import("../membership.js").LogPosition} Position
 * @typedef {{messages: Message[], more: boolean, before: number, after: number}} HistoryPage - `more`: there are further
 *   ones in its direction, even if it is empty; `before` and `after`: for the pages beside it
 * @typedef {<Result>(make: () => import("../../protocol/frames.js").Request<Result>) => Promise<Result>} SendRequest
 * @typedef {import("./sequence-buffer.js").Release | import("./forms.js").FormEvent |
 *   {type: "ready", detail: {more: boolean}}} ReaderEvent - forms are told of messages that were released
 */

/** Reads one room's log: releases messages in order, and requests what is missing. */
export class Reader {
  #buffer = new SequenceBuffer();
  #forms = new Forms();
  /** @type {Epoch} */
  #epoch;
  #schedule;
  #oldest = 0; // the oldest seq that was read
  /** @type {Set<number>} seqs that were asked for one by one: their changes are told, too */
  #sought = new Set();
  #missingAtStart = 0; // up to this seq the room had a head but no rows when it was first read
  #isFetching = false;
  #limit = MAX_PAGE; // entries per page that is requested for a gap
  #isStopped = false;
  /** @type {any} */
  #timer = null;
  #onStarted = () => {};
  /** @type {Promise<void>} */
  #started = new Promise((resolve) => (this.#onStarted = resolve));
  #name;
  #history;
  #request;
  #release;
  #onOtherLog;
  #onError;
  #clock;

  /**
   * @param {string} name @param {number} history - how many earlier messages to begin with
   * @param {{request: SendRequest, release: (event: ReaderEvent) => void, onOtherLog: () => void,
   *   onError: (error: unknown) => void, clock: import("../../transport/clock.js").Clock, random: () => number}} tools - `onOtherLog`: the server has another
   *   log than the one that was read; `onError`: the server does not give a page
   */
  constructor(name, history, { request, release, onOtherLog, onError, clock, random }) {
    this.#name = name;
    this.#history = history;
    this.#request = request;
    this.#release = release;
    this.#onOtherLog = onOtherLog;
    this.#onError = onError;
    this.#clock = clock;
    this.#schedule = new GapSchedule(random);
  }

  /** How far the room is read, for the next join. @returns {Position} */
  get position() {
    return { after: this.#buffer.contiguous, head: this.#buffer.head, epoch: this.#epoch };
  }

  /** True if this is the log that is read. The first epoch names it: before, the room had no messages. @param {Epoch} epoch */
  isOf(epoch) {
    this.#epoch ??= epoch;
    return this.#epoch === epoch;
  }

  /**
   * False if a join's reply is of another log than the one that is read.
   *
   * @param {import("../../protocol/frames.js").Head} reply @param {Position} position - when the join was sent
   */
  follows({ seq, epoch }, position) {
    if (epoch !== undefined && position.epoch !== undefined) return this.isOf(epoch);
    // Without an epoch the room had no messages. The server read this head after the join was sent: messages may have
    // come since, but a lower one than we knew then is another log's.
    return position.epoch === undefined && seq >= position.head;
  }

  /** @param {import("../../protocol/frames.js").JoinReply} reply @param {Position} position - when the join was sent */
  resume({ seq, page, epoch }, { after }) {
    const now = this.#clock.elapsed();
    this.#epoch ??= epoch;
    this.#buffer.raiseHead(seq, now);
    if (this.#buffer.contiguous === undefined) this.#begin();
    else if (page && after !== undefined) this.#onPage(page, after, now);
    else this.#advance();
  }

  /** @param {Run} run - as the server broadcasts it */
  onRun(run) {
    const { head } = this.#buffer;
    this.#add(run);
    if (this.#buffer.head > head) this.#schedule.onNewerEntry(this.#clock.elapsed());
    this.#advance();
  }

  /** @param {number} seq - exists in the room's log @param {number} [lag] - how late its broadcast may be, in milliseconds */
  raiseHead(seq, lag = 0) {
    this.#buffer.raiseHead(seq, this.#clock.elapsed() + lag);
    this.#advance();
  }

  /** @param {number} seq @returns {Message | undefined} that message as it is now, if it was released */
  released(seq) {
    return this.#isReleased(seq) ? this.#forms.get(seq) : undefined;
  }

  /** @param {number} seq @returns {Promise<Message | null>} that message as it is now; null if it is not there any more */
  async find(seq) {
    await this.#started;
    this.#sought.add(seq);
    if (!this.#forms.get(seq)) this.#note(await this.#page({ before: seq + 1, limit: 1 }));
    return this.#forms.get(seq) ?? null;
  }

  /**
   * Return a page of earlier messages.
   *
   * @param {{before?: number, limit?: number}} range - `before`: by default the oldest seq that was read without a gap
   * @returns {Promise<HistoryPage>}
   */
  async older({ before, limit = 50 }) {
    await this.#started;
    const from = before ?? this.#oldest;
    if (from <= 1 && !this.#isStopped) return { messages: [], more: false, before: from, after: from - 1 };
    const page = await this.#page({ before: from, limit: Math.min(limit, MAX_PAGE) });
    if (page === NO_PAGE) return { messages: [], more: false, before: from, after: from - 1 };
    const next = lowestSeq(page) ?? from;
    if (from >= this.#oldest) this.#oldest = Math.min(this.#oldest, next);
    return { messages: this.#read(page), more: page.more, before: next, after: from - 1 };
  }

  /**
   * Return a page of the messages that follow a seq, such as one that was searched for.
   *
   * @param {{after: number, limit?: number}} range
   * @returns {Promise<HistoryPage>}
   */
  async newer({ after, limit = 50 }) {
    await this.#started;
    const page = await this.#page({ after, limit: Math.min(limit, MAX_PAGE) });
    const before = after + 1;
    if (page === NO_PAGE) return { messages: [], more: false, before, after };
    return { messages: this.#read(page), more: page.more, before, after: highestSeq(page) ?? after };
  }

  /** Note a page's messages, and what changes them from now on. @param {Page} page @returns {Message[]} in order, as they are now */
  #read(page) {
    for (const { seq } of page.messages) if (seq < this.#oldest) this.#sought.add(seq);
    this.#note(page);
    return page.messages.toSorted((a, b) => a.seq - b.seq).map((message) => this.#forms.latest(message));
  }

  /** Stop for good. */
  stop() {
    this.#isStopped = true;
    this.#clock.clearTimeout(this.#timer);
    this.#onStarted();
  }

  /** Read the newest messages. The buffer begins with the oldest of them. */
  async #begin() {
    if (this.#isFetching) return;
    this.#isFetching = true;
    const { head } = this.#buffer;
    let oldest = head + 1;
    let remaining = this.#history;
    let more = head > 0;
    try {
      while (more && remaining > 0) {
        const page = await this.#page({ before: oldest, limit: Math.min(remaining, MAX_PAGE) });
        this.#add(page);
        more = page.more && page.messages.length + page.skipped.length > 0;
        oldest = lowestSeq(page) ?? oldest;
        remaining -= page.messages.length;
      }
      if (oldest > head) {
        // The room has a head and no rows: they have expired, or are being written right now.
        oldest = Math.max(1, head + 1 - this.#history);
        this.#missingAtStart = head;
      }
    } catch (error) {
      // The server does not give us the history, or the room was left. Begin with the messages from now on.
      this.#noPage(error);
      more = false;
    }
    this.#isFetching = false;
    if (this.#isStopped) return;
    this.#oldest = oldest;
    this.#buffer.begin(oldest - 1, this.#clock.elapsed());
    this.#onStarted();
    this.#advance();
    if (!this.#isStopped) this.#release({ type: "ready", detail: { more } });
  }

  /** Take entries in: the changes of what was released are told at once. @param {Run} run */
  #add(run) {
    this.#note(run);
    // A changed message may come before its own entry.
    const changed = run.changes.flatMap(({ message }) => message ?? []);
    this.#buffer.add({ messages: [...run.messages, ...changed], skipped: run.skipped }, this.#clock.elapsed());
  }

  /** Note the forms of messages, and tell those that are newer than what was released. @param {Run} run */
  #note(run) {
    for (const event of this.#forms.note(run)) {
      if (!this.#isStopped && this.#isReleased(event.detail.seq)) this.#release(event);
    }
  }

  /** @param {number} seq */
  #isReleased(seq) {
    return (seq >= this.#oldest || this.#sought.has(seq)) && this.#buffer.hasReleased(seq);
  }

  /** Read the newest released messages again: numbers from `lost` on may have been their changes. @param {number} lost */
  async #review(lost) {
    const oldest = Math.max(this.#oldest, lost - REVIEWED);
    for (let before = lost; before > oldest && !this.#isStopped; ) {
      const range = { before, limit: Math.min(before - oldest, MAX_PAGE) };
      const page = await this.#page(range).catch((error) => this.#noPage(error));
      if (this.#isStopped) return;
      this.#note(page);
      before = lowestSeq(page) ?? 0;
    }
  }

  /** @param {unknown} error */
  #noPage(error) {
    if (!this.#isStopped) this.#onError(error);
    return NO_PAGE;
  }

  /** Release what is in order now, and plan the next request for what is missing. */
  #advance() {
    let lost = 0;
    this.#clock.clearTimeout(this.#timer);
    for (const release of this.#buffer.take()) {
      if (this.#isStopped) return; // by a listener to the release before
      if (release.type === "message") {
        this.#release({ type: "message", detail: this.#forms.latest(release.detail) });
      } else if (release.detail.from > this.#missingAtStart) {
        this.#release(release);
        lost = release.detail.from;
      } // Else rows that had expired before the room was first read: they are not lost.
    }
    if (lost) this.#review(lost);
    const { gap } = this.#buffer;
    if (this.#isStopped || this.#isFetching || !gap) return;
    this.#timer = this.#clock.setTimeout(() => this.#fetch(), this.#schedule.delay(gap, this.#clock.elapsed()));
  }

  async #fetch() {
    const { contiguous: after = 0 } = this.#buffer;
    const requestedAt = this.#clock.elapsed();
    this.#isFetching = true;
    const range = { after, limit: this.#limit };
    const page = await this.#page(range).catch((error) => {
      return error.code === "unreadable" ? this.#unreadable(range) : this.#noPage(error);
    });
    this.#isFetching = false;
    if (!this.#isStopped) this.#onPage(page, after, requestedAt);
  }

  /**
   * Return what stands for a page that cannot be read: request its entries one by one, and give up the one to blame.
   *
   * @param {{after: number, limit: number}} range @returns {Page}
   */
  #unreadable({ after, limit }) {
    const isFound = limit === 1;
    this.#limit = isFound ? MAX_PAGE : 1;
    return isFound ? { ...NO_PAGE, epoch: this.#epoch, firstSeq: after + 2 } : NO_PAGE;
  }

  /**
   * @param {({after: number} | {before: number}) & {limit: number}} range
   * @returns {Promise<Page>} NO_PAGE if it would be one of another log
   */
  async #page(range) {
    const page = await this.#request(() => history(this.#name, { ...range, epoch: this.#epoch }));
    if (this.isOf(page.epoch)) return page;
    if (!this.#isStopped) this.#onOtherLog();
    return NO_PAGE;
  }

  /** @param {Page} page - of entries after `after` @param {number} after @param {number} requestedAt */
  #onPage(page, after, requestedAt) {
    const now = this.#clock.elapsed();
    this.#add(page);
    if (page.firstSeq) this.#buffer.giveUp(page.firstSeq - 1);
    const { gap, contiguous = 0 } = this.#buffer;
    if (!gap || contiguous > after) {
      this.#schedule.onProgress(now, page.more);
    } else if (page.more && this.#schedule.hasTimedOut(gap, requestedAt, gap.from <= this.#missingAtStart)) {
      // Give up only the first entry: the ones after it were never requested, they just have not come yet.
      this.#buffer.giveUp(Math.max(gap.from, this.#missingAtStart));
      this.#schedule.onProgress(now, true);
    } else {
      this.#schedule.onMiss(now, page.more);
    }
    this.#advance();
  }
}
