import { randomId } from "./roomcast/random-id.js";

/**
 * Who is here, and where: read from the page's address and from what the browser remembers.
 *
 * A name in the address (`?name=Ada`) belongs to its tab, so that two tabs can be two people; without one, all tabs of
 * a browser are one person, whose name and client id outlive them.
 */
export class Visit {
  /** Where to connect. @readonly @type {string} */
  endpoint;
  #address;
  #memory;
  #place;
  #user;

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
    this.room = roomName(query.get("room") ?? "");
    this.name = (query.get("name") ?? this.#memory.get("roomcast.name") ?? "").trim();
    // One id an endpoint: whoever knows it can speak as this user, so a foreign ?endpoint= must not learn it.
    this.#place = `${server.origin}${server.pathname}`;
    this.client = this.#memory.get(`roomcast.client ${this.#place}`) ?? randomId();
    this.#memory.set(`roomcast.client ${this.#place}`, this.client);
    this.#user = this.#memory.get(`roomcast.user ${this.#place}`) ?? "";
  }

  /** As whom the server knows this client; empty until it has told. */
  get user() {
    return this.#user;
  }

  set user(user) {
    this.#user = user;
    this.#memory.set(`roomcast.user ${this.#place}`, user);
  }

  /** @returns {string} the page's own address, good for a reload or a bookmark */
  get address() {
    return this.#address.href;
  }

  /** @param {{name: string, room: string}} to */
  move({ name, room }) {
    this.name = name.trim();
    this.room = roomName(room);
    const query = this.#address.searchParams;
    if (query.has("name")) query.set("name", this.name);
    else this.#memory.set("roomcast.name", this.name);
    query.set("room", this.room);
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
