import { browserClock } from "./clock.js";

/** @typedef {{readonly text: string, readonly replyTo: number}} Draft - `replyTo`: the seq that it answers; 0: none */

/** Milliseconds. A draft is written at most so often while somebody types. */
const WRITE_INTERVAL = 300;

/** @type {Draft} */
const EMPTY = Object.freeze({ text: "", replyTo: 0 });

/**
 * What one person has begun to write: a text per room, kept on the device until it is sent. Dispatches `change` (detail:
 * the room) when another tab of this person has changed one. Threads have some of their own: `<room> <seq of the first
 * message>` is their room.
 */
export class Drafts extends EventTarget {
  /** @type {Map<string, Draft>} by room: those that have to be written */
  #unwritten = new Map();
  /** @type {any} */
  #timer;
  #device;
  #prefix;
  #clock;

  /**
   * @param {import("./device.js").Device} device @param {string} owner - whose drafts they are
   * @param {{kind?: "draft" | "answer", clock?: import("./clock.js").Clock}} [options] - `answer`: those of threads
   */
  constructor(device, owner, { kind = "draft", clock = browserClock } = {}) {
    super();
    this.#device = device;
    this.#prefix = `roomcast.${kind} ${owner} `;
    this.#clock = clock;
    device.addEventListener("change", (event) => {
      const { detail: key } = /** @type {CustomEvent<string>} */ (event);
      const room = key.slice(this.#prefix.length);
      if (!key.startsWith(this.#prefix) || this.#unwritten.has(room)) return; // What is typed here comes last.
      this.dispatchEvent(new CustomEvent("change", { detail: room }));
    });
  }

  /** @param {string} room @returns {Draft} empty if there is none */
  of(room) {
    return this.#unwritten.get(room) ?? parse(this.#device.get(this.#prefix + room));
  }

  /** The rooms that have one. @returns {Set<string>} */
  get rooms() {
    const stored = this.#device.keys(this.#prefix).map((key) => key.slice(this.#prefix.length));
    return new Set([...stored, ...this.#unwritten.keys()].filter((room) => this.of(room) !== EMPTY));
  }

  /** @param {string} room @param {Draft} draft */
  set(room, { text, replyTo }) {
    this.#unwritten.set(room, text || replyTo ? Object.freeze({ text, replyTo }) : EMPTY);
    this.#timer ??= this.#clock.setTimeout(() => this.flush(), WRITE_INTERVAL);
  }

  /** It was sent: another tab must not send it again. @param {string} room */
  clear(room) {
    this.#unwritten.set(room, EMPTY);
    this.flush();
  }

  /** Write what is not written yet, as before the page goes. */
  flush() {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const [room, draft] of this.#unwritten) {
      this.#device.set(this.#prefix + room, draft === EMPTY ? null : JSON.stringify(draft));
    }
    this.#unwritten.clear();
  }
}

/** @param {string | null} stored @returns {Draft} */
function parse(stored) {
  try {
    const { text, replyTo } = Object(JSON.parse(stored ?? "null"));
    if (typeof text !== "string" || !Number.isSafeInteger(replyTo)) return EMPTY;
    return text || replyTo ? Object.freeze({ text, replyTo }) : EMPTY;
  } catch {
    return EMPTY; // Another program wrote to this key.
  }
}
