/** A browser's history, address and window: enough for pages that are places. */
export class FakeHistory {
  window = new EventTarget();
  #entries;
  #index = 0;

  /** @param {string} address */
  constructor(address) {
    this.#entries = [{ href: address, state: null }];
  }

  get location() {
    return { href: this.#entries[this.#index].href };
  }

  get history() {
    return {
      pushState: (state, _title, url) => this.#entries.splice(++this.#index, Infinity, { href: String(url), state }),
      replaceState: (state, _title, url) => void (this.#entries[this.#index] = { href: String(url), state }),
    };
  }

  go(steps) {
    this.#index += steps;
    const { state } = this.#entries[this.#index];
    this.window.dispatchEvent(Object.assign(new Event("popstate"), { state }));
  }

  /** As an address that differs only after its "#", typed into the browser's field. */
  type(href) {
    this.#entries.splice(++this.#index, Infinity, { href, state: null });
    this.window.dispatchEvent(Object.assign(new Event("popstate"), { state: null }));
  }
}
