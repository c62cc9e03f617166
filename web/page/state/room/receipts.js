/**
 * Who has read how far, as far as it is known: a chat with receipts tells it while this page is in the room. Who has written
 * has read.
 */
export class Receipts {
  /** @type {Map<string, {name: string, seq: number}>} by user */
  #marks = new Map();
  #room;

  /** @param {import("../../../roomcast.js").Room} room */
  constructor(room) {
    this.#room = room;
    room.addEventListener("read", ({ detail: { user, name, seq } }) => this.#mark(user, name, seq));
    room.addEventListener("message", ({ detail: { user, name, seq } }) => this.#mark(user, name, seq));
    room.addEventListener("reset", () => this.#marks.clear());
  }

  /** Return the names of the others who have seen a message. @param {{seq: number, user: string}} message @returns {string[]} */
  seenBy({ seq, user: author }) {
    if (seq === 0) return [];
    const others = [...this.#marks].filter(([user]) => user !== author && user !== this.#room.user);
    return others.filter(([, mark]) => mark.seq >= seq).map(([, { name }]) => name);
  }

  /** @param {string} user @param {string} name @param {number} seq */
  #mark(user, name, seq) {
    const before = this.#marks.get(user)?.seq ?? 0;
    this.#marks.set(user, { name, seq: Math.max(before, seq) });
  }
}
