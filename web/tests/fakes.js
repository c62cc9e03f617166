/** A clock that moves when it is told to. */
export class FakeClock {
  now = 0;
  #timers = new Map();
  #last = 0;

  setTimeout = (action, delay) => {
    this.#timers.set(++this.#last, { at: this.now + delay, action });
    return this.#last;
  };

  clearTimeout = (timer) => void this.#timers.delete(timer);

  /** How long until something happens by itself, in milliseconds. */
  get untilNext() {
    return Math.min(...[...this.#timers.values()].map(({ at }) => at)) - this.now;
  }

  advance(milliseconds) {
    const end = this.now + milliseconds;
    for (;;) {
      const [id, next] = [...this.#timers].sort(([, a], [, b]) => a.at - b.at)[0] ?? [];
      if (!next || next.at > end) break;
      this.#timers.delete(id);
      this.now = next.at;
      next.action();
    }
    this.now = end;
  }
}

/** Hands out sockets that a test opens, feeds and closes; `sockets` holds them all, the newest last. */
export class FakeNetwork {
  sockets = [];

  constructor() {
    const { sockets } = this;
    this.WebSocket = class extends EventTarget {
      sent = [];
      closed = false;

      constructor(url, protocol) {
        super();
        Object.assign(this, { url, protocol });
        sockets.push(this);
      }

      send(text) {
        this.sent.push(JSON.parse(text));
      }

      close() {
        this.closed = true;
      }

      opens() {
        this.dispatchEvent(new Event("open"));
      }

      hears(frame) {
        const data = typeof frame === "string" ? frame : JSON.stringify(frame);
        this.dispatchEvent(new MessageEvent("message", { data }));
      }

      ends() {
        this.dispatchEvent(new Event("close"));
      }
    };
  }

  get socket() {
    return this.sockets.at(-1);
  }
}

/** A browser's storage, in memory. */
export class FakeStorage {
  items = new Map();
  getItem = (key) => this.items.get(key) ?? null;
  setItem = (key, value) => void this.items.set(key, value);
}
