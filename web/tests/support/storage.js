/** A browser's storage, in memory. Two with the same items are those of two tabs. */
export class FakeStorage {
  getItem = (key) => this.items.get(key) ?? null;
  setItem = (key, value) => void this.items.set(key, String(value));
  removeItem = (key) => void this.items.delete(key);
  key = (index) => [...this.items.keys()][index] ?? null;

  get length() {
    return this.items.size;
  }

  /** @param {Map<string, string>} [items] - of another FakeStorage */
  constructor(items = new Map()) {
    this.items = items;
  }
}

/** Return a storage that the browser blocks: even reading the property throws. */
export function blockedStorage() {
  throw new Error("SecurityError");
}
