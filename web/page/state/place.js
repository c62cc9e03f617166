import { roomName } from "../text/room-name.js";

/** The state of the history's entries. One without it has come by a typed address, which may bring a token. */
const OURS = "place";

/**
 * Where the reader is: a room, perhaps a message of it, and perhaps the list of rooms or another pane. It is in the page's
 * address, so that a link leads there, and in the browser's history, so that Back and Forward do. Dispatches `change` when
 * they did.
 */
export class Place extends EventTarget {
  room = "";
  /** The seq of a message that is to be shown; 0: none. */
  at = 0;
  /** `rooms`: the list of rooms, where it is a screen of its own. Empty: the room. */
  pane = "";
  #address;
  #firstRoom;
  #history;

  /**
   * @param {string} address - of the page @param {string} firstRoom - of an address that names none
   * @param {{history: Pick<History, "pushState" | "replaceState">, window: EventTarget,
   *   location: {readonly href: string}}} browser
   */
  constructor(address, firstRoom, { history, window, location }) {
    super();
    this.#firstRoom = firstRoom;
    this.#history = history;
    this.#address = new URL(address);
    this.#read();
    history.replaceState(OURS, "", this.#address);
    window.addEventListener("popstate", (event) => {
      if (/** @type {PopStateEvent} */ (event).state !== OURS) return;
      // The rest of an older address, such as the name, is not true any more.
      const { searchParams } = new URL(location.href);
      const before = [this.room, this.at, this.pane].join();
      for (const key of ["room", "at", "pane"]) this.#write(key, searchParams.get(key) ?? "");
      this.#read();
      history.replaceState(OURS, "", this.#address);
      if ([this.room, this.at, this.pane].join() !== before) this.dispatchEvent(new Event("change"));
    });
  }

  /** Go somewhere: Back leads here again. @param {{room?: string, at?: number, pane?: string}} target */
  go({ room = this.room, at = 0, pane = "" }) {
    if (room === this.room && at === this.at && pane === this.pane) return;
    this.#write("room", room);
    this.#write("at", at ? String(at) : "");
    this.#write("pane", pane);
    this.#read();
    this.#history.pushState(OURS, "", this.#address);
  }

  /** Write a name into the address, if it has one: a bookmark or a reload is then for the new one. @param {string} name */
  rename(name) {
    if (!this.#address.searchParams.has("name")) return;
    this.#address.searchParams.set("name", name);
    this.#history.replaceState(OURS, "", this.#address);
  }

  /** The address of a room or of a message in it, for others: without what is this reader's. @param {number} [at] */
  linkTo(room = this.room, at = 0) {
    const link = new URL(this.#address);
    for (const key of ["name", "moderator", "pane", "at"]) link.searchParams.delete(key);
    link.searchParams.set("room", room);
    if (at) link.searchParams.set("at", String(at));
    link.hash = "";
    return link.href;
  }

  #read() {
    const query = this.#address.searchParams;
    this.room = roomName(query.get("room") ?? "") || this.#firstRoom;
    const at = Number(query.get("at"));
    this.at = Number.isSafeInteger(at) && at > 0 ? at : 0;
    this.pane = query.get("pane") ?? "";
  }

  /** @param {string} key @param {string} value - empty: none */
  #write(key, value) {
    if (value) this.#address.searchParams.set(key, value);
    else this.#address.searchParams.delete(key);
  }
}
