import { bytesOf } from "../protocol/frames.js";
import { RoomcastError } from "../protocol/error.js";

/**
 * @typedef {import("../transport/browser.js").Store} Store
 * @typedef {{id: string, message: string, data?: unknown, at: number, user?: string}} PendingMessage - `at`: when it
 *   was written; `user`: who wrote it, once the server has said so
 */

/** In messages, and in bytes of JSON. A browser gives each site about 5 MB. */
export const LIMITS = { messages: 100, bytes: 256 * 1024 };

/** Outboxes of one page with the same room and owner, as of two Roomcast objects, each have a key of their own. */
const MAX_OPEN = 8;
/** @type {WeakMap<Store, Set<string>>} the keys that outboxes of this page are using, by storage */
const keysInUse = new WeakMap();

/**
 * Users' messages in one room that the server has not acknowledged, oldest first. They outlive a page reload. Only the
 * messages of the present user are seen, and those of an earlier user stay for when that user returns.
 */
export class Outbox {
  /** @type {Map<string, PendingMessage[]>} by owner; empty: of whoever turns out to be here */
  #queues = new Map();
  /** @type {Map<string, string>} the key of each owner in the storage */
  #keys = new Map();
  #owner = "";
  /** @type {string | undefined} */
  #user = undefined;
  #store;
  #keyOf;

  /**
   * @param {Store | null} store - null: nothing outlives a reload
   * @param {(owner: string) => string} keyOf - an owner's key in the storage
   */
  constructor(store, keyOf) {
    this.#store = store;
    this.#keyOf = keyOf;
  }

  /** @returns {readonly PendingMessage[]} of the present user */
  get messages() {
    const isOurs = (/** @type {PendingMessage} */ { user }) => !user || !this.#user || user === this.#user;
    return this.#queue.filter(isOurs);
  }

  /** @returns {PendingMessage | undefined} */
  get first() {
    return this.messages[0];
  }

  /** @param {string} id */
  has(id) {
    return this.messages.some((message) => message.id === id);
  }

  /**
   * Say who is here from now on: as soon as the token or the client id tells, and again when the server has said it.
   * What was written before anybody was known is this owner's.
   *
   * @param {string | null} owner - of the token or the client id; null if only the server can tell
   * @param {string} [user] - as the server says
   */
  identify(owner, user) {
    const next = owner ?? (user === undefined ? this.#owner : `user ${user}`);
    if (next !== this.#owner) {
      const unowned = this.#owner ? [] : this.#queue;
      this.#owner = next;
      this.#user = undefined;
      if (!this.#queues.has(next)) this.#queues.set(next, this.#restore(next));
      this.#queue.push(...unowned);
      this.#queues.delete("");
    }
    this.#user = user ?? this.#user;
    for (const message of this.messages) if (this.#user) message.user = this.#user;
    if (this.#queue.length) this.#save(next);
  }

  /** @param {PendingMessage} message @throws {RoomcastError} `queue_full` */
  add(message) {
    const messages = [...this.#queue, this.#user ? { ...message, user: this.#user } : message];
    if (messages.length > LIMITS.messages || bytesOf(JSON.stringify(messages)) > LIMITS.bytes) {
      throw new RoomcastError("queue_full", "Too many messages are waiting to be sent.");
    }
    this.#queues.set(this.#owner, messages);
    this.#save(this.#owner);
  }

  /** @param {string} id @returns {boolean} true if it was there */
  remove(id) {
    for (const [owner, messages] of this.#queues) {
      const others = messages.filter((message) => message.id !== id);
      if (others.length === messages.length) continue;
      this.#queues.set(owner, others);
      this.#save(owner);
      return true;
    }
    return false;
  }

  /** Stop for good: another outbox of this page may take over what is stored. */
  close() {
    const inUse = this.#store && keysInUse.get(this.#store);
    for (const key of this.#keys.values()) inUse?.delete(key);
    this.#keys.clear();
  }

  /** @returns {PendingMessage[]} */
  get #queue() {
    return this.#queues.get(this.#owner) ?? [];
  }

  /** @param {string} owner */
  #save(owner) {
    const key = this.#keys.get(owner);
    // Without a key the owner is not known yet, or nothing is stored.
    if (key !== undefined) this.#write(key, this.#queues.get(owner) ?? []);
  }

  /** Take the first free key of an owner, and move there all that is stored under the free ones. @param {string} owner */
  #restore(owner) {
    if (!this.#store) return [];
    const inUse = keysInUse.get(this.#store) ?? new Set();
    keysInUse.set(this.#store, inUse);
    const keys = Array.from({ length: MAX_OPEN }, (_, index) => this.#keyOf(owner) + (index ? ` #${index + 1}` : ""));
    const [key, ...others] = keys.filter((key) => !inUse.has(key));
    if (key === undefined) return [];
    inUse.add(key);
    this.#keys.set(owner, key);
    const moved = others.filter((other) => this.#read(other).length > 0);
    const messages = [key, ...moved].flatMap((from) => this.#read(from));
    if (moved.length && this.#write(key, messages)) for (const from of moved) this.#write(from, []);
    return messages;
  }

  /** @param {string} key @returns {PendingMessage[]} */
  #read(key) {
    try {
      const stored = JSON.parse(this.#store?.getItem(key) ?? "[]");
      return Array.isArray(stored) ? stored.filter(isPendingMessage) : [];
    } catch {
      return []; // The storage is blocked, or another program wrote to this key.
    }
  }

  /** @param {string} key @param {PendingMessage[]} messages @returns {boolean} false if the storage is full or blocked */
  #write(key, messages) {
    try {
      if (messages.length) this.#store?.setItem(key, JSON.stringify(messages));
      else this.#store?.removeItem(key);
      return true;
    } catch {
      return false; // The messages last as long as the page.
    }
  }
}

/** @param {any} value @returns {value is PendingMessage} */
function isPendingMessage(value) {
  return typeof value?.id === "string" && typeof value.message === "string" && typeof value.at === "number";
}
