import { Roomcast } from "../../roomcast.js";

/** A storage, in memory. */
export class FakeStorage {
  items = new Map();
  getItem = (key) => this.items.get(key) ?? null;
  setItem = (key, value) => void this.items.set(key, String(value));
  removeItem = (key) => void this.items.delete(key);
}

/** Somebody who uses the library as a page does, and writes down what it tells. */
export class Person {
  states = [];

  constructor(server, options = {}) {
    const { time, WebSocket } = server;
    this.time = time;
    const fakes = { WebSocket, clock: time, random: () => 0.5, storage: null };
    this.chat = new Roomcast("wss://chat.test/prod", { ...fakes, ...options });
    this.chat.addEventListener("state", ({ detail }) => this.states.push(named(detail)));
  }

  /** Joins, and lets the time pass that this takes. */
  async join(name, { history, wait = 50 } = {}) {
    const visit = this.visit(name, { history });
    await this.time.pass(wait);
    return visit;
  }

  /** Joins, whenever that may be. @returns {Promise<Visit>} */
  async visit(name, options) {
    return new Visit(await this.chat.join(name, options));
  }
}

const named = ({ state, code }) => (code ? `${state}: ${code}` : state);

/** What somebody was told in a room, since the join. */
export class Visit {
  messages = [];
  gaps = [];
  events = [];

  constructor(room) {
    this.room = room;
    const note = (type, what) => room.addEventListener(type, ({ detail }) => this.events.push(what(detail)));
    room.addEventListener("message", ({ detail }) => this.messages.push(detail));
    room.addEventListener("lost", ({ detail: { from, to } }) => this.gaps.push([from, to]));
    note("message", ({ message }) => message);
    note("lost", ({ from, to }) => `gap ${from} to ${to}`);
    note("reset", () => "reset");
    note("sent", ({ seq }) => `sent ${seq}`);
    note("failed", ({ code }) => `failed: ${code}`);
    note("state", named);
  }

  get texts() {
    return this.messages.map(({ message }) => message);
  }

  get seqs() {
    return this.messages.map(({ seq }) => seq);
  }
}
