import { randomId } from "../../protocol/random-id.js";

/** @typedef {Pick<LockManager, "request">} Locks - as `navigator.locks` */

/**
 * Says that this page still is there, with what it has stored where other tabs see it. The browser frees a lock with the
 * page that holds it, however that ends. It is held only while something is stored: a page with a lock is not kept for Back.
 */
export class TabLock {
  /** The name of this page among those that share the storage. */
  id = randomId();
  #holders = 0;
  /** @type {(() => void) | null} */
  #free = null;
  #locks;

  /** @param {Locks} locks */
  constructor(locks) {
    this.#locks = locks;
  }

  /** Hold it until each call has had its `release`. */
  hold() {
    if (++this.#holders > 1) return;
    this.#locks.request(nameOf(this.id), () => this.#holders > 0 && new Promise((resolve) => {
      this.#free = () => resolve(undefined);
    }));
  }

  release() {
    if (--this.#holders > 0) return;
    this.#free?.();
    this.#free = null;
  }

  /** Do this if the page with this id is gone, and no other page does it meanwhile. @param {string} id @param {() => void} act */
  async ifGone(id, act) {
    await this.#locks.request(nameOf(id), { ifAvailable: true }, (lock) => lock && act());
  }
}

/** @param {string} id */
const nameOf = (id) => `roomcast.page ${id}`;
