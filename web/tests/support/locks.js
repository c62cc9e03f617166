/** The locks that a browser's tabs share: `of(page)` is one page's `navigator.locks`, and `close(page)` frees what it holds. */
export class FakeLocks {
  /** @type {Map<string, {page: unknown, free: () => void}>} by name */
  held = new Map();
  #waiting = [];

  of(page) {
    return { request: (name, ...rest) => this.#request(page, name, rest.at(-1), rest.length > 1 && rest[0].ifAvailable) };
  }

  close(page) {
    for (const { page: holder, free } of [...this.held.values()]) if (holder === page) free();
  }

  async #request(page, name, act, ifAvailable) {
    if (this.held.has(name) && ifAvailable) return act(null);
    while (this.held.has(name)) await new Promise((resolve) => this.#waiting.push(resolve));
    const freed = new Promise((resolve) => this.held.set(name, { page, free: () => (this.held.delete(name), resolve()) }));
    await Promise.race([freed, act({ name })]);
    this.held.delete(name);
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
