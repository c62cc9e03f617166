import { randomId } from "../roomcast.js";

/**
 * Who is here, and where: read from the page's address and from what the browser remembers.
 *
 * A name in the address (`?name=Ada`) belongs to its tab, so that two tabs can be two people; without one, all tabs of
 * a browser are one person, whose name and client id outlive them. A token in it (`?token=`) is taken out and kept for
 * as long as the tab is there: addresses end up in histories, bookmarks and screenshots.
 */
export class Visit {
  /** Where to connect. @readonly @type {string} */
  endpoint;
  /** Whether to offer what moderators can do; what one may do is for the server to say. @readonly @type {boolean} */
  moderates;
  /** Says who one is, where the server asks for that; empty if there is none. @readonly @type {string} */
  token;
  #address;
  #memory;

  /**
   * @param {{address: string, endpoint: string, local: () => Storage, session: () => Storage}} page
   *   `endpoint`: a full address, or a path on the page's own host. The storages are functions because merely to look
   *   at a blocked one throws.
   */
  constructor({ address, endpoint, local, session }) {
    this.#address = new URL(address);
    const query = this.#address.searchParams;
    const absolute = new URL(query.get("endpoint") || endpoint, address).href;
    const server = new URL(absolute.replace(/^http/, "ws"));
    this.endpoint = server.href;
    this.#memory = new Memory(query.has("name") ? session : local);
    this.moderates = query.has("moderator");
    this.room = roomName(query.get("room") ?? "");
    this.name = (query.get("name") ?? this.#memory.get("roomcast.name") ?? "").trim();
    // Of each endpoint its own: whoever has them can speak as this user, so a foreign ?endpoint= must not learn them.
    const place = `${server.origin}${server.pathname}`;
    this.client = this.#memory.get(`roomcast.client ${place}`) ?? randomId();
    this.#memory.set(`roomcast.client ${place}`, this.client);
    const tab = new Memory(session);
    this.token = query.get("token") ?? tab.get(`roomcast.token ${place}`) ?? "";
    if (this.token) tab.set(`roomcast.token ${place}`, this.token);
    query.delete("token");
  }

  /** @returns {string} the page's own address, good for a reload or a bookmark */
  get address() {
    return this.#address.href;
  }

  /** @param {{name: string, room: string}} to - the name counts only where no token says how one is called */
  move({ name, room }) {
    const query = this.#address.searchParams;
    this.room = roomName(room);
    query.set("room", this.room);
    if (this.token) return;
    this.name = name.trim();
    if (query.has("name")) query.set("name", this.name);
    else this.#memory.set("roomcast.name", this.name);
  }
}

/**
 * What somebody typed, as a room's name: without spaces and invisible characters, and not longer than 100.
 *
 * @param {string} typed
 */
const roomName = (typed) =>
  [...typed.trim().replace(/\s+/gu, "-").replace(/[\p{C}\p{Z}]/gu, "")].slice(0, 100).join("") || "lobby";

/** A storage that may be blocked, full or absent; the page then forgets, and works. */
class Memory {
  #open;

  /** @param {() => Storage} open */
  constructor(open) {
    this.#open = open;
  }

  /** @param {string} key @returns {string | null} */
  get(key) {
    try {
      return this.#open().getItem(key);
    } catch {
      return null;
    }
  }

  /** @param {string} key @param {string} value */
  set(key, value) {
    try {
      this.#open().setItem(key, value);
    } catch {
      // Nothing to do: this visit goes on without a memory.
    }
  }
}
