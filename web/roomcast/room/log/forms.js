import { Replies } from "./replies.js";

/**
 * @typedef {import("../../protocol/entries.js").Message} Message
 * @typedef {{type: "changed" | "reactions", detail: Message}} FormEvent - a message as it is now
 */

/** How many messages are remembered. */
const MAX_FORMS = 2_000;

/**
 * The newest known forms of a room's messages, by their revision. What comes may be older than what is known: a page
 * that was requested before a change, or a broadcast that another one has overtaken.
 */
export class Forms {
  /** @type {Map<number, Message>} as the server has sent them, by seq, the one that was noted last at the end */
  #newest = new Map();
  #replies = new Replies();

  /** @param {number} seq @returns {Message | undefined} */
  get(seq) {
    const known = this.#newest.get(seq);
    return known && this.#replies.count(known);
  }

  /** @param {Message} message @returns {Message} its newest form */
  latest(message) {
    const known = this.#newest.get(message.seq);
    return this.#replies.count(known && revisionOf(known) > revisionOf(message) ? known : message);
  }

  /**
   * Note the forms of a run's messages.
   *
   * @param {import("../../protocol/entries.js").Run} run @returns {FormEvent[]} of those with changes that were not known
   */
  note({ messages, changes }) {
    /** @type {FormEvent[]} */
    const events = [];
    const replies = messages.filter((message) => this.#isNewReply(message));
    for (const message of messages) {
      if (!this.#isNew(message)) continue;
      const detail = this.#replies.count(message);
      events.push({ type: "changed", detail }, { type: "reactions", detail });
    }
    for (const { of, message } of changes) {
      if (!message || !this.#isNew(message)) continue;
      // The last change of a message in a run has its form, which has those before it, too.
      const types = changes.filter((change) => change.of === of).map(({ kind }) => typeOf(kind));
      for (const type of new Set(types)) events.push({ type, detail: this.#replies.count(message) });
    }
    for (const root of this.#changedBy(replies)) {
      const isTold = events.some(({ type, detail }) => type === "changed" && detail.seq === root.seq);
      if (!isTold) events.push({ type: "changed", detail: root });
    }
    return events;
  }

  /** @param {Message} message */
  #isNewReply(message) {
    const { seq, root = 0 } = message;
    const known = this.#newest.get(root);
    return (!known || seq > revisionOf(known)) && this.#replies.add(message);
  }

  /** @param {Message[]} replies - not known before @returns {Message[]} the known roots that have one more by them */
  #changedBy(replies) {
    const roots = new Set(replies.map(({ root = 0 }) => root));
    const known = [...roots].flatMap((seq) => this.#newest.get(seq) ?? []);
    const changed = known.filter((root) => replies.some((reply) => reply.root === root.seq && reply.seq > revisionOf(root)));
    const counted = changed.map((root) => this.#replies.count(root));
    for (const root of changed) { // They are in use: others are forgotten first.
      this.#newest.delete(root.seq);
      this.#newest.set(root.seq, root);
    }
    for (let seq; (seq = this.#replies.surplus) !== undefined; ) {
      const form = this.get(seq);
      if (form) this.#newest.set(seq, form); // From now on as if the server had counted them.
      this.#replies.settle({ seq, revision: Infinity });
    }
    return counted;
  }

  /** @param {Message} message @returns {boolean} true if it has changes that were not known */
  #isNew(message) {
    const known = this.#newest.get(message.seq);
    if (known && revisionOf(known) >= revisionOf(message)) return false;
    this.#newest.delete(message.seq);
    this.#newest.set(message.seq, message);
    this.#replies.settle(message);
    if (this.#newest.size > MAX_FORMS) this.#newest.delete(/** @type {number} */ (this.#newest.keys().next().value));
    return revisionOf(message) > 0;
  }
}

/** @param {string} kind - of a change */
const typeOf = (kind) => (kind === "react" ? "reactions" : "changed");

/** @param {Message} message @returns {number} 0: as it was sent */
const revisionOf = ({ revision = 0 }) => revision;
