/**
 * What this device keeps for the page, over reloads and for all its tabs. The storage may be blocked, full or missing:
 * then a value lasts as long as the page, and nothing throws. Dispatches `change` (detail: the key) when another tab has
 * changed a value.
 */
export class Device extends EventTarget {
  /** @type {Map<string, string | null>} the values that could not be stored; null: removed */
  #unstored = new Map();
  #open;

  /**
   * @param {() => Storage} open - a function, because even reading the property of a blocked storage throws
   * @param {EventTarget} [tabs] - dispatches `storage` when another tab has changed the storage, as a window does
   */
  constructor(open, tabs) {
    super();
    this.#open = open;
    tabs?.addEventListener("storage", (event) => {
      const { key } = /** @type {StorageEvent} */ (event);
      if (key !== null) this.dispatchEvent(new CustomEvent("change", { detail: key })); // null: all was cleared, by hand.
    });
  }

  /** @param {string} key @returns {string | null} */
  get(key) {
    const unstored = this.#unstored.get(key);
    if (unstored !== undefined) return unstored;
    try {
      return this.#open().getItem(key);
    } catch {
      return null;
    }
  }

  /** @param {string} key @param {string | null} value - null: remove it */
  set(key, value) {
    try {
      if (value === null) this.#open().removeItem(key);
      else this.#open().setItem(key, value);
      this.#unstored.delete(key);
    } catch {
      this.#unstored.set(key, value);
    }
  }

  /** True if what is set outlives the page. */
  get isLasting() {
    const probe = "roomcast.probe";
    this.set(probe, "1");
    const isStored = !this.#unstored.has(probe);
    this.set(probe, null);
    this.#unstored.delete(probe);
    return isStored;
  }

  /** @param {string} prefix @returns {string[]} the keys that begin so */
  keys(prefix) {
    const keys = new Set(this.#storedKeys());
    for (const [key, value] of this.#unstored) value === null ? keys.delete(key) : keys.add(key);
    return [...keys].filter((key) => key.startsWith(prefix));
  }

  /** @returns {string[]} */
  #storedKeys() {
    try {
      const storage = this.#open();
      return Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? "");
    } catch {
      return [];
    }
  }
}
