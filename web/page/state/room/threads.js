/**
 * @typedef {import("./timeline.js").Entry} Entry
 * @typedef {import("./timeline.js").MessageEntry} MessageEntry
 *
 * @typedef {object} Thread - a message and all replies to it and to one another, as far as they are loaded
 * @property {number} root - the seq of the first message
 * @property {MessageEntry[]} messages - in the room's order
 * @property {boolean} isComplete - false if earlier ones are not loaded
 */

/** The threads of one room. */
export class Threads {
  /** When the newest reply came that is known, by the seq of the first message. @type {Map<number, string>} */
  lastReplies = new Map();
  #timeline;

  /** @param {import("../../../roomcast.js").Room} room @param {Pick<import("./timeline.js").Timeline, "entries">} timeline */
  constructor(room, timeline) {
    this.#timeline = timeline;
    room.addEventListener("message", ({ detail: message }) => this.note(message));
    // The numbers are other messages' from then on.
    room.addEventListener("reset", () => (this.lastReplies = new Map()));
  }

  /** @param {number} root - the seq of its first message */
  of(root) {
    return threadOf(root, this.#timeline.entries);
  }

  /** A message has come, or was loaded. @param {{root?: number, at: string}} message */
  note({ root, at }) {
    if (root !== undefined && at > (this.lastReplies.get(root) ?? "")) this.lastReplies.set(root, at);
  }
}

/** @param {number} root @param {readonly Entry[]} entries - of the room @returns {Thread} */
function threadOf(root, entries) {
  const seqs = new Set([root]);
  /** @type {MessageEntry[]} */
  const messages = [];
  for (const entry of entries) {
    if (entry.kind !== "message") continue;
    // The user's own that is not stored yet names only the message that it answers.
    if (entry.seq !== root && entry.root !== root && !(entry.root === 0 && seqs.has(entry.replyTo))) continue;
    messages.push(entry);
    if (entry.seq) seqs.add(entry.seq);
  }
  return { root, messages, isComplete: messages.some(({ seq }) => seq === root) };
}
