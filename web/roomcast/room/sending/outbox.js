import { bytesOf } from "../../protocol/frames.js";
import { RoomcastError } from "../../protocol/error.js";

/**
 * @typedef {import("../../transport/browser.js").Store} Store
 * @typedef {object} Written - how an item came to be
 * @property {number} at - when it was written
 * @property {string} [user] - who wrote it, once the server has said so
 * @property {boolean} [tried] - the server may have it
 * @property {string} [ref] - the message that it changes, while that one waits, too: it has no seq yet
 * @property {string} [epoch] - of the log that has the message which it changes or answers
 * @typedef {import("../../protocol/frames.js").Content & Written} Item - a message, or a change of one
 */

/** In messages and changes, and in bytes of JSON. A browser gives each site about 5 MB. */
export const LIMITS = { items: 100, bytes: 256 * 1024 };

/** Outboxes of one page with the same room and owner, as of two Roomcast objects, each have a key of their own. */
const MAX_OPEN = 8;
/** After the key of an owner in a storage that tabs share: the page that stored the items. */
const OF_PAGE = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?: #\d)?$/;
/** @type {WeakMap<Store, Set<string>>} the keys that outboxes of this page are using, by storage */
const keysInUse = new WeakMap();

/**
 * Users' messages and changes in one room that the server has not acknowledged, oldest first. They outlive a page
 * reload. Only the items of the present user are seen, and those of an earlier user stay for when that user returns.
 *
 * In a storage that tabs share, each page has keys of its own, and says by a lock that it still is there. Whichever page
 * looks first takes over what one has left that is gone. If two pages ever have one item, as when a page ends between
 * writing and locking, both send it, and by its ref it counts once.
 */
export class Outbox {
  /** @type {Map<string, Item[]>} by owner; empty: of whoever turns out to be here */
  #queues = new Map();
  /** @type {Map<string, string>} the key of each owner in the storage */
  #keys = new Map();
  #owner = "";
  /** @type {string | undefined} */
  #user = undefined;
  /** @type {Set<string>} the keys that have something */
  #filled = new Set();
  #store;
  #keyOf;
  #tab;

  /**
   * @param {Store | null} store - null: nothing outlives a reload
   * @param {(owner: string) => string} keyOf - an owner's key in the storage
   * @param {import("./tab-lock.js").TabLock | null} [tab] - for a storage that tabs share
   */
  constructor(store, keyOf, tab = null) {
    this.#store = store;
    this.#keyOf = keyOf;
    this.#tab = tab;
  }

  /** @returns {readonly Item[]} of the present user */
  get items() {
    const isOurs = (/** @type {Item} */ { user }) => !user || !this.#user || user === this.#user;
    return this.#queue.filter(isOurs);
  }

  /** @returns {Item | undefined} */
  get first() {
    return this.items[0];
  }

  /** @param {string} id */
  get(id) {
    return this.items.find((item) => item.id === id);
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
    for (const item of this.items) if (this.#user) item.user = this.#user;
    if (this.#queue.length) this.#save(next);
  }

  /** Add an item, or replace the one with its id. @param {Item} item @throws {RoomcastError} `queue_full` */
  put(item) {
    const owned = this.#user ? { ...item, user: this.#user } : item;
    const isThere = this.#queue.some(({ id }) => id === item.id);
    const items = isThere ? this.#queue.map((each) => (each.id === item.id ? owned : each)) : [...this.#queue, owned];
    if (items.length > LIMITS.items || bytesOf(JSON.stringify(items)) > LIMITS.bytes) {
      throw new RoomcastError("queue_full", "Too much is waiting to be sent.");
    }
    this.#queues.set(this.#owner, items);
    this.#save(this.#owner);
  }

  /**
   * Note that an item is sent, and that the server may have it from now on; or that it has rejected it, and has none.
   * @param {string} id @param {boolean} [tried]
   */
  markTried(id, tried = true) {
    const item = this.get(id);
    if (!item || Boolean(item.tried) === tried) return;
    item.tried = tried;
    this.#save(this.#owner);
  }

  /**
   * @param {string} id @param {{seq: number, epoch: string | undefined}} [stored] - where the message is now: the
   *   changes that wait for it are of that one
   * @returns {Item | undefined} it, if it was there
   */
  remove(id, stored) {
    for (const [owner, items] of this.#queues) {
      const removed = items.find((item) => item.id === id);
      if (!removed) continue;
      const others = items.filter((item) => item !== removed);
      for (const item of others) if (stored && item.ref === id) Object.assign(item, stored, { ref: undefined });
      this.#queues.set(owner, others);
      this.#save(owner);
      return removed;
    }
    return undefined;
  }

  /** Take over what pages have left that are gone. @returns {Promise<boolean>} true if there was something */
  async adopt() {
    const owner = this.#owner;
    const prefix = `${this.#keyOf(owner)} `;
    let isMore = false;
    for (const key of this.#tab && owner ? this.#keysLike(prefix) : []) {
      const [, page = ""] = OF_PAGE.exec(key.slice(prefix.length)) ?? [];
      if (!page || page === this.#tab?.id) continue;
      await this.#tab?.ifGone(page, () => {
        const queue = this.#keys.has(owner) ? this.#queues.get(owner) : undefined;
        const left = this.#read(key).filter(({ id }) => !queue?.some((item) => item.id === id));
        if (!queue) return; // This outbox was closed meanwhile.
        this.#queues.set(owner, [...left, ...queue]); // They are older, mostly.
        this.#save(owner);
        this.#write(key, []);
        isMore ||= left.length > 0;
      });
    }
    return isMore;
  }

  /** Stop for good: another outbox of this page may take over what is stored. */
  close() {
    const inUse = this.#store && keysInUse.get(this.#store);
    for (const key of this.#keys.values()) {
      inUse?.delete(key);
      this.#mark(key, false);
    }
    this.#keys.clear();
  }

  /** @returns {Item[]} */
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
    const base = this.#tab ? `${this.#keyOf(owner)} ${this.#tab.id}` : this.#keyOf(owner);
    const keys = Array.from({ length: MAX_OPEN }, (_, index) => base + (index ? ` #${index + 1}` : ""));
    const [key, ...others] = keys.filter((key) => !inUse.has(key));
    if (key === undefined) return [];
    inUse.add(key);
    this.#keys.set(owner, key);
    const moved = others.filter((other) => this.#read(other).length > 0);
    const items = [key, ...moved].flatMap((from) => this.#read(from));
    if (moved.length && this.#write(key, items)) for (const from of moved) this.#write(from, []);
    this.#mark(key, items.length > 0);
    return items;
  }

  /** Hold the lock of this page while something is stored. @param {string} key @param {boolean} isFilled */
  #mark(key, isFilled) {
    if (!this.#tab || isFilled === this.#filled.has(key)) return;
    if (isFilled) {
      this.#filled.add(key);
      this.#tab.hold();
    } else {
      this.#filled.delete(key);
      this.#tab.release();
    }
  }

  /** @param {string} prefix @returns {string[]} the keys in the storage that begin so */
  #keysLike(prefix) {
    try {
      const { length = 0 } = /** @type {Storage} */ (this.#store);
      const keys = Array.from({ length }, (_, index) => /** @type {Storage} */ (this.#store).key(index) ?? "");
      return keys.filter((key) => key.startsWith(prefix));
    } catch {
      return []; // The storage is blocked.
    }
  }

  /** @param {string} key @returns {Item[]} */
  #read(key) {
    try {
      const stored = JSON.parse(this.#store?.getItem(key) ?? "[]");
      return Array.isArray(stored) ? stored.filter(isItem) : [];
    } catch {
      return []; // The storage is blocked, or another program wrote to this key.
    }
  }

  /** @param {string} key @param {Item[]} items @returns {boolean} false if the storage is full or blocked */
  #write(key, items) {
    try {
      if (items.length) this.#store?.setItem(key, JSON.stringify(items));
      else this.#store?.removeItem(key);
      if ([...this.#keys.values()].includes(key)) this.#mark(key, items.length > 0);
      return true;
    } catch {
      return false; // The items last as long as the page.
    }
  }
}

/** What an item of each action must have. */
const FIELDS = { send: "message", edit: "message", delete: "id", react: "reaction" };

/** @param {any} value @returns {value is Item} */
function isItem(value) {
  if (typeof value?.id !== "string" || typeof value.at !== "number" || !Object.hasOwn(FIELDS, value.action)) return false;
  if (value.mentions !== undefined && !Array.isArray(value.mentions)) return false;
  return typeof value[FIELDS[/** @type {Item} */ (value).action]] === "string";
}
