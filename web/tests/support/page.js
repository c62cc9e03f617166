import { FakeStorage } from "./storage.js";

/** What a browser gives a page: timers that end with the page, and the tab's storage, which the next page gets, too. */
export class FakePage {
  #isOpen = true;
  #server;

  /** @param {import("./server/server.js").ScriptedServer} server @param {FakePage} [earlier] - of the same tab */
  constructor(server, earlier) {
    const { time } = server;
    this.#server = server;
    this.storage = new FakeStorage(earlier?.storage.items);
    this.clock = {
      ...time,
      setTimeout: (action, delay) => time.setTimeout(() => this.#isOpen && action(), delay),
    };
  }

  /** Close the page, as a reload does: nothing in it runs any more. */
  close() {
    this.#isOpen = false;
    for (const socket of this.#server.open) socket.vanish();
  }
}
