/** @typedef {import("../../protocol/entries.js").Message} Message */

/** How many replies are remembered. */
const MAX_REPLIES = 5_000;

/**
 * The replies that have come, by their roots. A reply is the only frame about its root, so it is counted here: once,
 * in whatever order replies, changes of the root and pages come. The server's form of a root has all replies up to its
 * revision; those above it are added to it.
 */
export class Replies {
  /** @type {Map<number, Set<number>>} the seqs of replies by root, the root with the newest reply at the end */
  #byRoot = new Map();
  #size = 0;

  /** @param {Message} message @returns {boolean} true if it is a reply that was not known */
  add({ seq, root }) {
    if (root === undefined) return false;
    const replies = this.#byRoot.get(root) ?? new Set();
    if (replies.has(seq)) return false;
    this.#byRoot.delete(root);
    this.#byRoot.set(root, replies.add(seq));
    this.#size++;
    return true;
  }

  /** @param {Message} message - as the server has sent it @returns {Message} with the replies that came since */
  count(message) {
    const { revision = 0, replies = 0 } = message;
    const later = [...(this.#byRoot.get(message.seq) ?? [])].filter((seq) => seq > revision);
    return later.length ? { ...message, replies: replies + later.length, revision: Math.max(...later) } : message;
  }

  /** The server's form of a root has the replies up to its revision. @param {Pick<Message, "seq" | "revision">} form */
  settle({ seq: root, revision = 0 }) {
    const replies = this.#byRoot.get(root);
    for (const seq of replies ?? []) if (seq <= revision && replies?.delete(seq)) this.#size--;
    if (replies?.size === 0) this.#byRoot.delete(root);
  }

  /** @returns {number | undefined} the root whose replies are to be forgotten, if there are too many */
  get surplus() {
    return this.#size > MAX_REPLIES ? this.#byRoot.keys().next().value : undefined;
  }
}
