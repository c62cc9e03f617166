import { browserClock } from "../clock.js";

/**
 * @typedef {import("../room/timeline.js").MessageEntry} MessageEntry
 * @typedef {import("./absence.js").Ban} Ban
 */

/** How many messages of a room are kept, and of how many rooms: those that were visited last. */
const MAX_ENTRIES = 50;
const MAX_ROOMS = 6;
/** In characters of JSON. A browser gives each site about five million, and drafts and unsent messages come first. */
const MAX_LENGTH = 100_000;

/**
 * What the device keeps of the rooms of one person: the newest messages, to be read offline and drawn at once, and the
 * bans with their reasons.
 */
export class RoomMemory {
  #device;
  #entriesKey;
  #bansKey;
  #now;

  /** @param {import("../device.js").Device} device @param {string} owner - whose it is @param {Pick<import("../clock.js").Clock, "now">} [clock] */
  constructor(device, owner, clock = browserClock) {
    this.#device = device;
    this.#entriesKey = `roomcast.seen ${owner} `;
    this.#bansKey = `roomcast.bans ${owner}`;
    this.#now = clock.now;
  }

  /** @param {string} room @returns {MessageEntry[]} those that were kept, oldest first */
  entries(room) {
    const { entries } = this.#read(this.#entriesKey + room);
    return Array.isArray(entries) ? entries.filter(isEntry) : [];
  }

  /** The rooms whose messages are kept, the one that was seen last first. @returns {string[]} */
  get rooms() {
    const keys = this.#device.keys(this.#entriesKey);
    const seenAt = new Map(keys.map((key) => [key, Number(this.#read(key).at) || 0]));
    return keys.sort((one, other) => (seenAt.get(other) ?? 0) - (seenAt.get(one) ?? 0))
      .map((key) => key.slice(this.#entriesKey.length));
  }

  /** @param {string} room @param {readonly import("../room/timeline.js").Entry[]} entries - as shown */
  keep(room, entries) {
    const isStored = (/** @type {any} */ { kind, seq, changing }) => kind === "message" && seq > 0 && !changing;
    const kept = entries.filter(isStored).slice(-MAX_ENTRIES);
    let json = JSON.stringify({ at: this.#now(), entries: kept });
    while (json.length > MAX_LENGTH) {
      kept.splice(0, Math.ceil(kept.length / 2));
      json = JSON.stringify({ at: this.#now(), entries: kept });
    }
    this.#device.set(this.#entriesKey + room, kept.length ? json : null);
    for (const other of this.rooms.slice(MAX_ROOMS)) this.forget(other);
  }

  /** The person may not read the room any more, or does not want it. @param {string} room */
  forget(room) {
    this.#device.set(this.#entriesKey + room, null);
  }

  /** @param {string} room @returns {Ban | null} null if there is none now */
  ban(room) {
    const ban = this.#read(this.#bansKey)[room];
    return typeof ban?.moderator === "string" && ban.until > this.#now() ? ban : null;
  }

  /** @param {string} room @param {Ban | null} ban - null: it has ended */
  setBan(room, ban) {
    const bans = Object.entries({ ...this.#read(this.#bansKey), [room]: ban });
    const present = bans.filter(([, each]) => each?.until > this.#now());
    this.#device.set(this.#bansKey, present.length ? JSON.stringify(Object.fromEntries(present)) : null);
  }

  /** @param {string} key @returns {Record<string, any>} */
  #read(key) {
    try {
      return Object(JSON.parse(this.#device.get(key) ?? "{}"));
    } catch {
      return {}; // Another program wrote to this key.
    }
  }
}

/** @param {any} value @returns {value is MessageEntry} */
const isEntry = (value) =>
  value?.kind === "message" && typeof value.id === "string" && typeof value.text === "string" && value.seq > 0 &&
  typeof value.name === "string" && typeof value.at === "string" && Array.isArray(value.reactions) &&
  Array.isArray(value.mentions);
