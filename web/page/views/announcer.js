import { failureAnnouncement, messageAnnouncement, summaryAnnouncement } from "../words/announcements.js";

/** Milliseconds between two lines. Who reads the messages at this moment would else hear nothing else. */
const PAUSE = 2_000;
/** More messages than this at once are told as a number. */
const SINGLE = 2;

/**
 * @typedef {import("../state/room/timeline.js").Entry} Entry
 * @typedef {import("../state/room/timeline.js").MessageEntry} MessageEntry
 * @typedef {{name: string, text: string}} News
 */

/**
 * Tells screen readers of new messages, in one live region apart from the messages themselves: a region of the messages
 * would read out what is loaded, and what changes. Of the user's own it tells what was not sent.
 */
export class Announcer {
  /** @type {(News | string)[]} what is not told yet; a string is told as it is */
  #waiting = [];
  /** @type {Set<string>} the ids of the user's messages that failed, and were told of */
  #failed = new Set();
  #isPausing = false;
  #room = "";
  /** @type {string | undefined} the id of the last entry that was there */
  #last;
  #say;
  #timers;

  /** @param {(line: string) => void} say @param {Pick<typeof globalThis, "setTimeout">} [timers] */
  constructor(say, timers = globalThis) {
    this.#say = say;
    this.#timers = timers;
  }

  /** Tell of the messages of others that have come since the last call. @param {string} room @param {readonly Entry[]} entries - of it */
  show(room, entries) {
    const news = [];
    let last;
    for (let index = entries.length - 1; index >= 0; index--) {
      const entry = /** @type {Entry} */ (entries[index]);
      if (entry.kind === "message" && entry.mine) {
        if (this.#isNewFailure(entry)) news.unshift(failureAnnouncement(entry));
        continue; // They move while they wait.
      }
      last ??= entry.id;
      if (entry.id === this.#last || !entry.live) break;
      if (entry.kind === "note" || !entry.deleted) news.unshift(newsOf(entry));
    }
    this.#waiting = room === this.#room ? [...this.#waiting, ...news] : [];
    this.#room = room;
    this.#last = last;
    this.#next();
  }

  /** @param {MessageEntry} message - of the user */
  #isNewFailure({ id, delivery }) {
    const isNew = delivery === "failed" && !this.#failed.has(id);
    if (delivery === "failed") this.#failed.add(id);
    else this.#failed.delete(id); // It is sent again, and may fail again.
    return isNew;
  }

  #next() {
    if (this.#isPausing || this.#waiting.length === 0) return;
    this.#say(this.#takeLine());
    this.#isPausing = true;
    this.#timers.setTimeout(() => {
      this.#isPausing = false;
      this.#next();
    }, PAUSE);
  }

  /** @returns {string} */
  #takeLine() {
    const news = this.#waiting.filter((each) => typeof each !== "string");
    if (news.length > SINGLE) {
      this.#waiting = this.#waiting.filter((each) => typeof each === "string");
      return summaryAnnouncement(news);
    }
    const next = /** @type {News | string} */ (this.#waiting.shift());
    return typeof next === "string" ? next : messageAnnouncement(next);
  }
}

/** @param {Entry} entry @returns {News | string} */
const newsOf = (entry) => (entry.kind === "note" ? entry.text : entry);
