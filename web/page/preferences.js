import { looksEmpty } from "./text/typed.js";
import { randomId } from "../roomcast.js";

/**
 * The user's endpoint, room, name, client id and token, from the page's address and the browser's storage.
 *
 * A name in the address (`?name=Ada`) belongs to its tab, so that two tabs can be two users. Without it, all tabs of a
 * browser are one user, whose name and client id outlive the tabs. A token in the address (`#token=`, or `?token=`) is
 * moved to the tab's storage, because addresses end up in histories, bookmarks and screenshots. The part after `#` is
 * never sent to the server of the page, so no access log has it.
 */
export class Preferences {
  /** The WebSocket address of the chat. @readonly @type {string} */
  endpoint;
  /** True to show the moderators' tools. Only the server decides what they may do. @readonly @type {boolean} */
  isModerator;
  /** For a server that requires one; else empty. @readonly @type {string} */
  token;
  #address;
  #storage;

  /**
   * @param {{address: string, endpoint: string, local: () => Storage, session: () => Storage}} page
   *   `endpoint`: a full address, or a path on the page's own host. The storages are functions, because even reading
   *   the property of a blocked one throws.
   */
  constructor({ address, endpoint, local, session }) {
    this.#address = new URL(address);
    const query = this.#address.searchParams;
    const absolute = new URL(query.get("endpoint") || endpoint, address).href;
    const server = new URL(absolute.replace(/^http/, "ws"));
    this.endpoint = server.href;
    this.#storage = new SafeStorage(query.has("name") ? session : local);
    this.isModerator = query.has("moderator");
    this.room = roomName(query.get("room") ?? "");
    this.name = (query.get("name") ?? this.#storage.get("roomcast.name") ?? "").trim();
    // One client id and token per endpoint: they let their holder write as this user, so an attacker's ?endpoint= must
    // not get them.
    const site = `${server.origin}${server.pathname}`;
    this.client = this.#storage.get(`roomcast.client ${site}`) ?? randomId();
    this.#storage.set(`roomcast.client ${site}`, this.client);
    const tab = new SafeStorage(session);
    const fragment = new URLSearchParams(this.#address.hash.slice(1));
    this.token = fragment.get("token") ?? query.get("token") ?? tab.get(`roomcast.token ${site}`) ?? "";
    if (this.token) tab.set(`roomcast.token ${site}`, this.token);
    query.delete("token");
    if (!fragment.has("token")) return;
    fragment.delete("token");
    this.#address.hash = String(fragment);
  }

  /** @returns {string} the page's address, for a reload or a bookmark */
  get address() {
    return this.#address.href;
  }

  /** @param {{name: string, room: string}} changes - the name is ignored if a token names the user */
  update({ name, room }) {
    const query = this.#address.searchParams;
    this.room = roomName(room);
    query.set("room", this.room);
    if (this.token) return;
    this.name = name.trim();
    if (query.has("name")) query.set("name", this.name);
    else this.#storage.set("roomcast.name", this.name);
  }
}

/** Return true if an address brings a token after its `#`. @param {string} address */
export const bringsToken = (address) => new URLSearchParams(new URL(address).hash.slice(1)).has("token");

/**
 * Return a valid room name for what the user typed: without spaces and invisible characters, at most 100 characters.
 *
 * @param {string} typed
 */
function roomName(typed) {
  // Not all of \p{C}: to a browser, an emoji that is newer than itself is unassigned.
  const visible = typed.normalize("NFC").trim().replace(/\s+/gu, "-").replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Z}]/gu, "");
  const name = [...visible].slice(0, 100).join("");
  return looksEmpty(name) ? "lobby" : name;
}

/** A storage that may be blocked, full or missing: then nothing is kept, and nothing throws. */
class SafeStorage {
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
      // The value lasts as long as the page.
    }
  }
}
