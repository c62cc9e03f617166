import { ownerOf, randomId } from "../../roomcast.js";

/** Keys on the device. */
const NAME = "roomcast.name";
const MET = "roomcast.met";

/**
 * The user's endpoint, name, client id and token, from the page's address and the browser's storage.
 *
 * A name in the address (`?name=Ada`) belongs to its tab, so that two tabs can be two users. Without it, all tabs of a
 * browser are one user, whose name and client id outlive the tabs. A token in the address (`#token=`, or `?token=`) is
 * moved to the tab's storage, because addresses end up in histories, bookmarks and screenshots. The part after `#` is
 * never sent to the server of the page, so no access log has it.
 *
 * Dispatches `rename` when the user has another name, also by another tab.
 */
export class Preferences extends EventTarget {
  /** The WebSocket address of the chat. @readonly @type {string} */
  endpoint;
  /** For a server that requires one; else empty. @readonly @type {string | import("./settings.js").TokenSource} */
  token;
  /** True if all tabs of this browser are this user. @readonly @type {boolean} */
  isShared;
  /** Keeps what belongs to this user. @readonly @type {import("./device.js").Device} */
  device;
  /** A name for this user at this endpoint, for the keys on the device. @readonly @type {string} */
  owner;
  #address;

  /**
   * @param {{address: string, settings: import("./settings.js").Settings, device: import("./device.js").Device,
   *   tab: import("./device.js").Device}} page - `tab`: a storage of this tab alone
   */
  constructor({ address, settings, device, tab }) {
    super();
    this.#address = new URL(address);
    const query = this.#address.searchParams;
    /** @param {string} endpoint */
    const serverAt = (endpoint) => new URL(new URL(endpoint, address).href.replace(/^http/, "ws"));
    const server = serverAt(query.get("endpoint") || settings.endpoint);
    this.endpoint = server.href;
    this.isShared = !query.has("name");
    this.device = this.isShared ? device : tab;
    device.addEventListener("change", (event) => {
      const { detail: key } = /** @type {CustomEvent} */ (event);
      if (this.isShared && key === NAME) this.#setName(device.get(NAME) ?? ""); // Another tab has set it.
    });
    this.name = (query.get("name") ?? this.device.get(NAME) ?? "").trim();
    // One client id and token per endpoint: they let their holder write as this user, so an attacker's ?endpoint= must
    // not get them.
    const site = `${server.origin}${server.pathname}`;
    this.client = this.device.get(`roomcast.client ${site}`) ?? randomId();
    this.device.set(`roomcast.client ${site}`, this.client);
    const fragment = new URLSearchParams(this.#address.hash.slice(1));
    const token = fragment.get("token") ?? query.get("token") ?? tab.get(`roomcast.token ${site}`) ?? "";
    if (token) tab.set(`roomcast.token ${site}`, token);
    const isOwn = server.href === serverAt(settings.endpoint).href;
    this.token = token || (isOwn && settings.token) || "";
    // Whose token a function will get is not known yet, and the next person at this device may be another.
    if (typeof this.token === "function") this.device = tab;
    this.owner = `${site} ${ownerOf(token, this.client) ?? "token"}`;
    query.delete("token");
    if (!fragment.has("token")) return;
    fragment.delete("token");
    this.#address.hash = String(fragment);
  }

  /** @returns {"link" | "site" | null} who names the user: a token of the page's address, or one that the site gives */
  get tokenFrom() {
    if (!this.token) return null;
    return typeof this.token === "function" ? "site" : "link";
  }

  /** True if the user has no name, and was not asked for one. */
  get isNew() {
    return !this.token && !this.name && this.device.get(MET) === null;
  }

  /** The user was asked for a name. */
  meet() {
    this.device.set(MET, "1");
  }

  /** @returns {string} the page's address, without a token */
  get address() {
    return this.#address.href;
  }

  /** @param {string} name - ignored if a token names the user */
  rename(name) {
    if (this.token || name.trim() === this.name) return;
    if (this.isShared) this.device.set(NAME, name.trim());
    this.#setName(name);
  }

  /** @param {string} name */
  #setName(name) {
    if (this.token || name.trim() === this.name) return;
    this.name = name.trim();
    this.dispatchEvent(new Event("rename"));
  }
}

/** Return true if an address brings a token after its `#`. @param {string} address */
export const bringsToken = (address) => new URLSearchParams(new URL(address).hash.slice(1)).has("token");
