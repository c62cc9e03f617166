import { ignoreTimeout, within } from "../../transport/clock.js";
import { randomId } from "../../protocol/random-id.js";

/** Milliseconds in which the browser says who has a lock. It does so at once, unless something is wrong with it. */
const TIMEOUT = 10_000;

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
  #clock;

  /** @param {Locks} locks @param {import("../../transport/clock.js").Clock} clock */
  constructor(locks, clock) {
    this.#locks = locks;
    this.#clock = clock;
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

  /**
   * Do this if the page with this id is gone, and no other page does it meanwhile. Nothing is done if the browser says
   * so too late: the caller waits no more, and would not notice.
   *
   * @param {string} id @param {() => void} act
   */
  async ifGone(id, act) {
    let isAwaited = true;
    const asked = this.#locks.request(nameOf(id), { ifAvailable: true }, (lock) => isAwaited && lock && act());
    await within(TIMEOUT, asked, this.#clock).catch(ignoreTimeout);
    isAwaited = false;
  }
}

/** @param {string} id */
const nameOf = (id) => `roomcast.page ${id}`;
