import { Device } from "../../../page/state/device.js";
import { FakeStorage } from "../storage.js";

/** The tabs of one browser: each has a device, and is told what the others change. */
export class FakeBrowser {
  items = new Map();
  #tabs = [];

  /** @returns {Device} of a new tab */
  open() {
    const tab = new EventTarget();
    this.#tabs.push(tab);
    const storage = new FakeStorage(this.items);
    const tellOthers = (key) => {
      const event = Object.assign(new Event("storage"), { key });
      for (const other of this.#tabs) if (other !== tab) other.dispatchEvent(event);
    };
    const { setItem, removeItem } = storage;
    storage.setItem = (key, value) => (setItem(key, value), tellOthers(key));
    storage.removeItem = (key) => (removeItem(key), tellOthers(key));
    return new Device(() => storage, tab);
  }
}
