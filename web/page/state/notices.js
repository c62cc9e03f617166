/**
 * @typedef {"all" | "mentions" | "none"} Level - what of a room the user wants to be told of
 * @typedef {import("../../roomcast.js").ListedRoom} ListedRoom
 * @typedef {{room: string, name: string, text: string}} Notice - to be shown outside of the page; the text
 *   is empty if only that it mentions the user is known
 */

const LEVELS = new Set(["all", "mentions", "none"]);

/**
 * What of the user's rooms deserves to be told while nobody looks at the page: mentions, and of some rooms every message.
 * Dispatches `notice`. Each level is kept on the device, where notifications are allowed or not.
 */
export class Notices extends EventTarget {
  /** @type {Map<string, {seq: number, mentioned: number}>} what is told already, by room */
  #told = new Map();
  #device;
  #prefix;

  /** @param {import("./device.js").Device} device @param {string} owner - whose levels they are, as a part of a key */
  constructor(device, owner) {
    super();
    this.#device = device;
    this.#prefix = `roomcast.notify ${owner} `;
  }

  /** @param {string} room @returns {Level} */
  levelOf(room) {
    const level = this.#device.get(this.#prefix + room) ?? "";
    return LEVELS.has(level) ? /** @type {Level} */ (level) : "mentions";
  }

  /** @param {string} room @param {Level} level */
  setLevel(room, level) {
    this.#device.set(this.#prefix + room, level === "mentions" ? null : level);
  }

  /**
   * The list of rooms has changed. What was there when it was first seen is no news.
   *
   * @param {readonly ListedRoom[]} list @param {string | undefined} self - the user: their own messages are no news
   */
  update(list, self) {
    for (const { room, newest, mention, read, muted } of list) {
      const before = this.#told.get(room);
      const now = { seq: newest?.seq ?? 0, mentioned: mention?.seq ?? 0 };
      this.#told.set(room, now);
      if (!before || (now.seq <= before.seq && now.mentioned <= before.mentioned)) continue;
      const level = muted ? "none" : this.levelOf(room);
      const news = this.#news({ newest, mention }, before, level);
      if (news && news.seq > read && news.user !== self) {
        this.dispatchEvent(new CustomEvent("notice", { detail: { room, name: news.name, text: textOf(news, newest) } }));
      }
    }
  }

  /** @param {Pick<ListedRoom, "newest" | "mention">} room @param {{seq: number, mentioned: number}} before @param {Level} level */
  #news({ newest, mention }, before, level) {
    if (level === "none") return undefined;
    if (mention && mention.seq > before.mentioned) return mention;
    return level === "all" && newest && newest.seq > before.seq && !newest.deleted ? newest : undefined;
  }
}

/** Of a mention the server tells no text; the newest message of the room may be it. @param {{seq: number}} news @param {ListedRoom["newest"]} newest */
const textOf = ({ seq }, newest) => (newest?.seq === seq ? newest.message : "");

/** Return how many rooms have unread mentions of the user: what the title and the icon tell. @param {readonly ListedRoom[]} list */
export const roomsWithMentions = (list) => list.filter(({ mentions, muted }) => mentions > 0 && !muted).length;
