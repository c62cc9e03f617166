import { byName } from "../../text/names.js";

/**
 * A room as the list shows it.
 *
 * @typedef {object} RoomLine - the same one until something in it changes
 * @property {string} room
 * @property {number} unread - messages
 * @property {number} mentions - of this person among them; 100 means at least 100
 * @property {boolean} muted
 * @property {boolean} starred
 * @property {boolean} hasDraft
 * @property {boolean} isOpen
 * @typedef {{kind: "unread" | "starred" | "rooms", lines: readonly RoomLine[]}} Section
 * @typedef {{room: string, unread: number, mentions: number, muted: boolean}} KnownRoom
 */

/**
 * The rooms that one person knows: those that they follow, with how much is unread, and those that the page or their token
 * names. The server has the first ones; the device has a copy to begin with, and the stars. Dispatches `change`.
 */
export class Directory extends EventTarget {
  /** The room on the screen. */
  #open = "";
  /** @type {Set<string>} the rooms that are to be followed as soon as it is known that they are not yet */
  #entered = new Set();
  /** @type {Map<string, RoomLine>} by room, by name */
  #lines = new Map();
  #chat;
  #list;
  #device;
  #drafts;
  #named;
  #keys;

  /**
   * @param {import("../../../roomcast.js").Roomcast} chat
   * @param {{device: import("../device.js").Device, owner: string, drafts: import("../drafts.js").Drafts,
   *   named: readonly string[]}} person - `named`: rooms that are always in the list
   */
  constructor(chat, { device, owner, drafts, named }) {
    super();
    this.#chat = chat;
    this.#list = chat.rooms();
    this.#device = device;
    this.#drafts = drafts;
    this.#named = named;
    this.#keys = { rooms: `roomcast.rooms ${owner}`, stars: `roomcast.stars ${owner}` };
    this.#list.addEventListener("changed", () => this.#onList());
    drafts.addEventListener("change", () => this.#tell());
    device.addEventListener("change", (event) => {
      if (/** @type {CustomEvent} */ (event).detail === this.#keys.stars) this.#tell();
    });
  }

  /** The names of all rooms in the list. @returns {Set<string>} */
  get known() {
    return new Set([...this.#rooms.keys(), ...this.#named, this.#open].filter(Boolean));
  }

  /** Those with something in them, in the order in which they are shown. @returns {Section[]} */
  get sections() {
    const lines = this.#newLines();
    const isNews = (/** @type {RoomLine} */ { unread, mentions, muted, isOpen }) =>
      !isOpen && (mentions > 0 || (unread > 0 && !muted));
    const news = lines.filter(isNews).sort((one, other) => Number(other.mentions > 0) - Number(one.mentions > 0));
    const rest = lines.filter((line) => !isNews(line));
    /** @type {Section[]} */
    const sections = [
      { kind: "unread", lines: news },
      { kind: "starred", lines: rest.filter(({ starred }) => starred) },
      { kind: "rooms", lines: rest.filter(({ starred }) => !starred) },
    ];
    return sections.filter(({ lines }) => lines.length > 0);
  }

  /** Those of which nothing is to be told. @returns {string[]} */
  get muted() {
    return [...this.#rooms.values()].filter(({ muted }) => muted).map(({ room }) => room);
  }

  /** The reader enters a room, and follows it from now on. @param {string} room */
  enter(room) {
    this.#open = room;
    this.#entered.add(room);
    this.#followEntered();
    this.#tell();
  }

  /** The messages up to this one were on the screen long enough. @param {number} seq */
  read(seq) {
    this.#joined(this.#open)?.read(seq).catch(() => {}); // It is not followed, or not any more.
  }

  /** @param {string} room @param {boolean} muted */
  mute(room, muted) {
    return this.#inRoom(room, (each) => each.subscribe({ muted }));
  }

  /** Leave a room for good. @param {string} room */
  unfollow(room) {
    this.#entered.delete(room);
    this.star(room, false);
    return this.#inRoom(room, (each) => each.unsubscribe());
  }

  /** @param {string} room @param {boolean} starred */
  star(room, starred) {
    const others = this.#stars.filter((each) => each !== room);
    this.#device.set(this.#keys.stars, JSON.stringify(starred ? [...others, room] : others));
    this.#tell();
  }

  /** Follow this person's inbox, as soon as something is in it. */
  async watchInbox() {
    const inbox = await this.#chat.inbox.catch(() => null); // There is none for whoever cannot connect.
    const follow = () => {
      this.#entered.add(inbox?.name ?? "");
      this.#followEntered();
    };
    inbox?.addEventListener("message", follow, { once: true });
  }

  /** Keep a copy on the device, for a page that is opened offline. */
  keep() {
    if (this.#list.isComplete) this.#device.set(this.#keys.rooms, JSON.stringify([...this.#rooms.values()]));
  }

  /** What is known of the rooms that are followed. @returns {Map<string, KnownRoom>} */
  get #rooms() {
    const list = this.#list.isComplete ? this.#list.list : parse(this.#device.get(this.#keys.rooms)).filter(isKnownRoom);
    return new Map(list.map(({ room, unread, mentions, muted }) => [room, { room, unread, mentions, muted }]));
  }

  /** @returns {string[]} */
  get #stars() {
    return parse(this.#device.get(this.#keys.stars)).filter((room) => typeof room === "string");
  }

  /** A list may have hundreds of rooms, and changes with each message. @returns {RoomLine[]} by name */
  #newLines() {
    const [rooms, stars, drafts, { known }] = [this.#rooms, new Set(this.#stars), this.#drafts.rooms, this];
    const isSorted = known.size === this.#lines.size && [...known].every((room) => this.#lines.has(room));
    const names = isSorted ? [...this.#lines.keys()] : [...known].sort(byName);
    const lines = names.map((room) => {
      const { unread = 0, mentions = 0, muted = false } = rooms.get(room) ?? {};
      const isOpen = room === this.#open;
      const hasDraft = !isOpen && drafts.has(room);
      const line = { room, unread, mentions, muted, starred: stars.has(room), hasDraft, isOpen };
      const before = this.#lines.get(room);
      return before && isSame(before, line) ? before : line;
    });
    this.#lines = new Map(lines.map((line) => [line.room, line]));
    return lines;
  }

  #onList() {
    this.#followEntered();
    this.#tell();
  }

  #followEntered() {
    if (!this.#list.isComplete) return;
    const followed = new Set(this.#list.list.map(({ room }) => room));
    for (const room of this.#entered) {
      this.#entered.delete(room);
      if (!followed.has(room)) this.#joined(room)?.subscribe().catch(() => {}); // Whoever may not enter does not follow.
    }
  }

  /** @param {string} name */
  #joined(name) {
    return this.#chat.joined.find((room) => room.name === name);
  }

  /** @param {string} name @param {(room: import("../../../roomcast.js").Room) => Promise<void>} act */
  async #inRoom(name, act) {
    const joined = this.#joined(name);
    if (joined) return act(joined);
    const room = await this.#chat.join(name, { history: 0 });
    await act(room).finally(() => room.leave());
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

/** @param {RoomLine} one @param {Record<string, unknown>} other */
const isSame = (one, other) => Object.entries(one).every(([key, value]) => other[key] === value);

/** @param {string | null} stored @returns {any[]} */
function parse(stored) {
  try {
    const value = JSON.parse(stored ?? "[]");
    return Array.isArray(value) ? value : [];
  } catch {
    return []; // Another program wrote to this key.
  }
}

/** @param {any} value @returns {value is KnownRoom} */
const isKnownRoom = (value) =>
  typeof value?.room === "string" && Number.isFinite(value.unread) && Number.isFinite(value.mentions);
