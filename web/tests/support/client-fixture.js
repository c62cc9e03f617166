import { Roomcast } from "../../roomcast.js";

/** A client of the library, on a fake server and a fake clock, that records its states. */
export class Client {
  states = [];

  constructor(server, options = {}) {
    const { time, WebSocket } = server;
    this.time = time;
    const fakes = { WebSocket, clock: time, random: () => 0.5, storage: null };
    this.chat = new Roomcast("wss://chat.test/prod", { ...fakes, ...options });
    this.chat.addEventListener("state", ({ detail }) => this.states.push(stateText(detail)));
  }

  /** Join a room, and let the time pass that this takes. */
  async join(name, { history, wait = 50 } = {}) {
    const joining = this.startJoin(name, { history });
    await this.time.pass(wait);
    return joining;
  }

  /** Join a room, without letting time pass. @returns {Promise<RoomRecord>} */
  async startJoin(name, options) {
    return new RoomRecord(await this.chat.join(name, options));
  }
}

const stateText = ({ state, code }) => (code ? `${state}: ${code}` : state);

/** A joined room, and a record of its events. */
export class RoomRecord {
  messages = [];
  lost = [];
  events = [];

  constructor(room) {
    this.room = room;
    const record = (type, asText) => room.addEventListener(type, ({ detail }) => this.events.push(asText(detail)));
    room.addEventListener("message", ({ detail }) => this.messages.push(detail));
    room.addEventListener("lost", ({ detail: { from, to } }) => this.lost.push([from, to]));
    record("message", ({ message }) => message);
    record("lost", ({ from, to }) => `lost ${from} to ${to}`);
    record("reset", () => "reset");
    record("sent", ({ seq }) => `sent ${seq}`);
    record("failed", ({ code }) => `failed: ${code}`);
    record("state", stateText);
  }

  get texts() {
    return this.messages.map(({ message }) => message);
  }

  get seqs() {
    return this.messages.map(({ seq }) => seq);
  }
}
