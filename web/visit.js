import { randomId } from "./random-id.js";

/**
 * Who is here, and where: read from the page's address and from what the browser remembers.
 *
 * A name in the address (`?name=Ada`) belongs to its tab, so that two tabs can be two people; without one, all tabs of
 * a browser are one person, whose name and client id outlive them.
 */
export class Visit {
  #endpoint;
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
    this.#endpoint = new URL(absolute.replace(/^http/, "ws"));
    this.#memory = new Memory(query.has("name") ? session : local);
    this.room = roomName(query.get("room") ?? "");
    this.name = (query.get("name") ?? this.#memory.get("roomcast.name") ?? "").trim();
    // One id an endpoint: whoever knows it can speak as this user, so a foreign ?endpoint= must not learn it.
    const key = `roomcast.client ${this.#endpoint.origin}${this.#endpoint.pathname}`;
    this.client = this.#memory.get(key) ?? randomId();
    this.#memory.set(key, this.client);
  }

  /** @returns {string} where to connect; without a name, the server makes one up */
  get url() {
    const url = new URL(this.#endpoint);
    if (this.name) url.searchParams.set("name", this.name);
    url.searchParams.set("client", this.client);
    url.searchParams.set("room", this.room);
    return url.href;
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
 * What somebody typed, as a room's name. The server refuses a connection that asks for one with spaces, invisible
 * characters or more than 100 of any, and a browser cannot tell that from a network that is down: so it never asks.
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
