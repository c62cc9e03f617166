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
  /** @type {Map<number, Message>} by seq, the one that was noted last at the end */
  #newest = new Map();

  /** @param {number} seq */
  get(seq) {
    return this.#newest.get(seq);
  }

  /** @param {Message} message @returns {Message} its newest form */
  latest(message) {
    const known = this.#newest.get(message.seq);
    return known && revisionOf(known) > revisionOf(message) ? known : message;
  }

  /**
   * Note the forms of a run's messages.
   *
   * @param {import("../../protocol/entries.js").Run} run @returns {FormEvent[]} of those with changes that were not known
   */
  note({ messages, changes }) {
    /** @type {FormEvent[]} */
    const events = [];
    for (const message of messages) {
      if (this.#isNew(message)) events.push({ type: "changed", detail: message }, { type: "reactions", detail: message });
    }
    for (const { of, message } of changes) {
      if (!message || !this.#isNew(message)) continue;
      // The last change of a message in a run has its form, which has those before it, too.
      const types = changes.filter((change) => change.of === of).map(({ kind }) => typeOf(kind));
      for (const type of new Set(types)) events.push({ type, detail: message });
    }
    return events;
  }

  /** @param {Message} message @returns {boolean} true if it has changes that were not known */
  #isNew(message) {
    const known = this.#newest.get(message.seq);
    if (known && revisionOf(known) >= revisionOf(message)) return false;
    this.#newest.delete(message.seq);
    this.#newest.set(message.seq, message);
    if (this.#newest.size > MAX_FORMS) this.#newest.delete(/** @type {number} */ (this.#newest.keys().next().value));
    return revisionOf(message) > 0;
  }
}

/** @param {string} kind - of a change */
const typeOf = (kind) => (kind === "react" ? "reactions" : "changed");

/** @param {Message} message @returns {number} 0: as it was sent */
const revisionOf = ({ revision = 0 }) => revision;
