/** A browser's storage, in memory. */
export class FakeStorage {
  getItem = (key) => this.items.get(key) ?? null;
  setItem = (key, value) => void this.items.set(key, String(value));
  removeItem = (key) => void this.items.delete(key);

  /** @param {Map<string, string>} [items] - of another FakeStorage */
  constructor(items = new Map()) {
    this.items = items;
  }
}
