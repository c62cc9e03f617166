/** A room's log that answers history() at once, as the server would. */
export class FakeLog {
  requests = 0;

  /** @param {{seq: number, message: string, at: string}[]} messages @param {number} [head] - after them come other entries */
  constructor(messages, head = messages.at(-1)?.seq ?? 0) {
    this.messages = messages;
    this.head = head;
  }

  async history({ before = Infinity, after, limit = 50 }) {
    this.requests++;
    if (this.error) throw this.error;
    if (after !== undefined) {
      const later = this.messages.filter(({ seq }) => seq > after);
      const messages = later.slice(0, limit);
      return { messages, more: later.length > limit, before: after + 1, after: messages.at(-1)?.seq ?? after };
    }
    // A page holds entries: a number without a message fills it, too.
    const lowest = Math.max(1, Math.min(before, this.head + 1) - limit);
    const messages = this.messages.filter(({ seq }) => seq >= lowest && seq < before);
    return { messages, more: this.messages.some(({ seq }) => seq < lowest), before: lowest, after: before - 1 };
  }
}
