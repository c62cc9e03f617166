import { bytesOf } from "../protocol/frames.js";
import { RoomcastError } from "../protocol/error.js";

/**
 * @typedef {{id: string, message: string, data?: unknown, at: number}} Letter - `at`: when it was written
 * @typedef {object} Store - as much of a browser's Storage as is needed
 * @property {(key: string) => string | null} getItem
 * @property {(key: string, value: string) => void} setItem
 * @property {(key: string) => void} removeItem
 */

/** In messages, and in bytes of JSON. A browser gives one site about 5 MB. */
export const LIMITS = { messages: 100, bytes: 256 * 1024 };

/** One's own messages in a room that nobody has acknowledged yet, the oldest first; they outlive a page reload. */
export class Outbox {
  /** @type {Letter[]} */
  #letters;
  #store;
  #key;

  /** @param {Store | null} store - null keeps nothing over a reload @param {string} key */
  constructor(store, key) {
    this.#store = store;
    this.#key = key;
    this.#letters = this.#restore();
  }

  /** @returns {readonly Letter[]} */
  get letters() {
    return this.#letters;
  }

  /** @returns {Letter | undefined} */
  get first() {
    return this.#letters[0];
  }

  /** @param {string} id */
  has(id) {
    return this.#letters.some((letter) => letter.id === id);
  }

  /** @param {Letter} letter @throws {RoomcastError} `queue_full` */
  add(letter) {
    const letters = [...this.#letters, letter];
    if (letters.length > LIMITS.messages || bytesOf(JSON.stringify(letters)) > LIMITS.bytes) {
      throw new RoomcastError("queue_full", "Too many messages are waiting to be sent.");
    }
    this.#letters = letters;
    this.#keep();
  }

  /** @param {string} id @returns {boolean} whether it was there */
  remove(id) {
    const rest = this.#letters.filter((letter) => letter.id !== id);
    if (rest.length === this.#letters.length) return false;
    this.#letters = rest;
    this.#keep();
    return true;
  }

  #keep() {
    try {
      if (this.#letters.length) this.#store?.setItem(this.#key, JSON.stringify(this.#letters));
      else this.#store?.removeItem(this.#key);
    } catch {
      // The storage is full or blocked: the messages are then kept for as long as the page is.
    }
  }

  /** @returns {Letter[]} */
  #restore() {
    try {
      const kept = JSON.parse(this.#store?.getItem(this.#key) ?? "[]");
      return Array.isArray(kept) ? kept.filter(isLetter).slice(0, LIMITS.messages) : [];
    } catch {
      return []; // blocked, or another program's
    }
  }
}

/** @param {any} value @returns {value is Letter} */
function isLetter(value) {
  return typeof value?.id === "string" && typeof value.message === "string" && typeof value.at === "number";
}
