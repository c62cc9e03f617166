import { bytesOf } from "../protocol/frames.js";
import { RoomcastError } from "../protocol/error.js";

/**
 * @typedef {import("../transport/browser.js").Store} Store
 * @typedef {{id: string, message: string, data?: unknown, at: number}} PendingMessage - `at`: when it was written
 */

/** In messages, and in bytes of JSON. A browser gives each site about 5 MB. */
export const LIMITS = { messages: 100, bytes: 256 * 1024 };

/** A user's messages in one room that the server has not acknowledged, oldest first. They outlive a page reload. */
export class Outbox {
  /** @type {PendingMessage[]} */
  #messages;
  #store;
  #key;

  /** @param {Store | null} store - null: nothing outlives a reload @param {string} key */
  constructor(store, key) {
    this.#store = store;
    this.#key = key;
    this.#messages = this.#restore();
  }

  /** @returns {readonly PendingMessage[]} */
  get messages() {
    return this.#messages;
  }

  /** @returns {PendingMessage | undefined} */
  get first() {
    return this.#messages[0];
  }

  /** @param {string} id */
  has(id) {
    return this.#messages.some((message) => message.id === id);
  }

  /** @param {PendingMessage} message @throws {RoomcastError} `queue_full` */
  add(message) {
    const messages = [...this.#messages, message];
    if (messages.length > LIMITS.messages || bytesOf(JSON.stringify(messages)) > LIMITS.bytes) {
      throw new RoomcastError("queue_full", "Too many messages are waiting to be sent.");
    }
    this.#messages = messages;
    this.#save();
  }

  /** @param {string} id @returns {boolean} true if it was there */
  remove(id) {
    const others = this.#messages.filter((message) => message.id !== id);
    if (others.length === this.#messages.length) return false;
    this.#messages = others;
    this.#save();
    return true;
  }

  #save() {
    try {
      if (this.#messages.length) this.#store?.setItem(this.#key, JSON.stringify(this.#messages));
      else this.#store?.removeItem(this.#key);
    } catch {
      // The storage is full or blocked: the messages last as long as the page.
    }
  }

  /** @returns {PendingMessage[]} */
  #restore() {
    try {
      const stored = JSON.parse(this.#store?.getItem(this.#key) ?? "[]");
      return Array.isArray(stored) ? stored.filter(isPendingMessage).slice(0, LIMITS.messages) : [];
    } catch {
      return []; // The storage is blocked, or another program wrote to this key.
    }
  }
}

/** @param {any} value @returns {value is PendingMessage} */
function isPendingMessage(value) {
  return typeof value?.id === "string" && typeof value.message === "string" && typeof value.at === "number";
}
