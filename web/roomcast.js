import { systemClock } from "./roomcast/transport/clock.js";
import { Connection } from "./roomcast/transport/connection.js";
import { Emitter } from "./roomcast/emitter.js";
import { ping } from "./roomcast/protocol/frames.js";
import { Heartbeat } from "./roomcast/transport/heartbeat.js";
import { randomId } from "./roomcast/protocol/random-id.js";
import { RoomcastError } from "./roomcast/protocol/error.js";
import { Room } from "./roomcast/room/room.js";
import { Session } from "./roomcast/room/session.js";
import { tabStorage, watch } from "./roomcast/transport/browser.js";

export { RoomcastError, Room };

/** Characters; a longer address is cut short or refused by something on the way, sooner or later. */
const LONGEST_URL = 2_000;
/** Milliseconds: ten minutes before API Gateway cuts a socket. */
const LIFETIME = 110 * 60_000;

/** @import { Link } from "./roomcast/transport/socket.js" */

/**
 * @typedef {import("./roomcast/room/room.js").RoomEvents} RoomEvents
 * @typedef {import("./roomcast/protocol/frames.js").Message} Message
 * @typedef {import("./roomcast/protocol/frames.js").Ack} Ack
 * @typedef {import("./roomcast/protocol/frames.js").Person} Person
 * @typedef {import("./roomcast/protocol/frames.js").Moderated} Moderated
 * @typedef {import("./roomcast/transport/connection.js").ConnectionState} ConnectionState
 *   `idle`: before the first join. `offline`: the browser says that there is no network. `unreachable`: the server
 *   refuses, or cannot be reached; tries go on, slowly. `closed`: for good
 *
 * @typedef {import("./roomcast/transport/connection.js").TokenSource} TokenSource
 *
 * @typedef {object} RoomcastOptions
 * @property {string} [name] - what the others see
 * @property {string} [client] - a random id that you keep: it makes one user of all your connections. Keep it secret
 * @property {string | TokenSource} [token] - who you are, for a server that asks
 * @property {number} [heartbeat] - milliseconds of silence after which the server is asked whether it is there; 120,000
 * @property {number} [lifetime] - milliseconds after which another socket takes over, before API Gateway cuts this one
 *   at two hours; 1 h 50 min, less up to 5% at random so that a crowd does not move at once
 * @property {import("./roomcast/room/outbox.js").Store | null} [storage] - keeps unsent messages over a page reload;
 *   sessionStorage. null: they are not kept
 * @property {import("./roomcast/transport/socket.js").SocketClass} [WebSocket] - for where there is no global one
 * @property {import("./roomcast/transport/clock.js").Clock} [clock] - for tests
 * @property {() => number} [random] - for tests: as Math.random
 */

/**
 * A chat. It connects at the first join, and heals its connection by itself until it is closed.
 *
 * @extends {Emitter<{state: {state: ConnectionState, code?: string}}>}
 */
export class Roomcast extends Emitter {
  /** @type {Map<string, {session: Session, room: Room, joined: Promise<Room>}>} by name */
  #rooms = new Map();
  /** @type {Map<string, Promise<void>>} of rooms that the server is just being told about */
  #leaving = new Map();
  #url;
  #tools;
  #connection;
  #heartbeat;
  #unwatch;

  /**
   * @param {string | URL} url - such as `wss://HOST/STAGE`; in a page it may be relative to that
   * @param {RoomcastOptions} [options]
   * @throws {TypeError} if the address is none
   */
  constructor(url, options = {}) {
    super();
    const { name = "", client = randomId(), token, heartbeat = 120_000, storage = tabStorage() } = options;
    const { WebSocket = globalThis.WebSocket, clock = systemClock, random = Math.random } = options;
    const { lifetime = LIFETIME * (1 - 0.05 * random()) } = options;
    if (!WebSocket) throw new TypeError("There is no WebSocket here: give one as an option.");
    this.#url = new URL(url, globalThis.location?.href);
    this.#url.protocol = this.#url.protocol.replace("http", "ws");
    this.#url.hash = "";
    this.#name(name);
    this.#url.searchParams.set("client", client);
    this.#tools = { clock, random, storage };
    this.#connection = new Connection(
      {
        address: (refused) => this.#address(refused),
        opened: (link) => this.#opened(link),
        heard: (frame, link) => this.#heard(frame, link),
        lost: (link) => this.#sessions.forEach((session) => session.lose(link)),
        entered: (state, code) => this.#entered(state, code),
      },
      { token: typeof token === "function" ? token : () => token, lifetime, WebSocket, clock, random },
    );
    this.#heartbeat = new Heartbeat(heartbeat, () => this.#longestUnheard, () => this.#ping(heartbeat), clock);
    this.#unwatch = watch({ online: () => this.#hurry(), offline: () => this.#connection.goOffline() });
  }

  /** @returns {ConnectionState} */
  get state() {
    return this.#connection.state;
  }

  /** @returns {Room[]} those that are joined, or will be as soon as it is possible */
  get rooms() {
    return [...this.#rooms.values()].map(({ room }) => room);
  }

  /**
   * Joins a room; while offline, as soon as it is possible. The same Room for as long as it is not left.
   *
   * @param {string} name - 1 to 100 visible characters
   * @param {{history?: number}} [options] - `history`: how many earlier messages to begin with, default 50
   * @returns {Promise<Room>}
   * @throws {RoomcastError} the server's, or `closed`
   */
  async join(name, { history = 50 } = {}) {
    if (this.state === "closed") throw new RoomcastError("closed");
    const { joined } = this.#rooms.get(name) ?? this.#add(name, history);
    return joined;
  }

  /**
   * Takes another name. A name is a connection's, so another connection takes over; nothing is lost.
   *
   * @param {string} name - what the others see
   */
  rename(name) {
    this.#name(name);
    this.#connection.renew();
  }

  /** Closes for good; what is pending is refused with `closed`. */
  close() {
    this.#connection.close("closed");
  }

  /** @param {string} name */
  #name(name) {
    if (name) this.#url.searchParams.set("name", name);
    else this.#url.searchParams.delete("name");
  }

  get #sessions() {
    return [...this.#rooms.values()].map(({ session }) => session);
  }

  /** @param {string} name @param {number} history */
  #add(name, history) {
    const session = new Session(name, {
      ...this.#tools,
      history,
      key: `roomcast.outbox ${this.#url.origin}${this.#url.pathname} ${name}`,
      dispatch: (event) => void room.dispatchEvent(event),
      left: (told) => this.#left(name, told),
    });
    const room = new Room(name, session);
    const seat = { session, room, joined: session.ready.then(() => room) };
    this.#rooms.set(name, seat);
    if (this.#connection.link) this.#resume(session, this.#connection.link);
    else this.#connection.open();
    return seat;
  }

  /** @param {string} name @param {Promise<void>} told - when the server knows it */
  #left(name, told) {
    this.#rooms.delete(name);
    const leaving = told.finally(() => leaving === this.#leaving.get(name) && this.#leaving.delete(name));
    this.#leaving.set(name, leaving);
  }

  /** @param {Session} session @param {Link} link */
  async #resume(session, link) {
    await this.#leaving.get(session.name); // API Gateway runs frames concurrently: a leave could overtake this join.
    await session.resume(link);
  }

  /** @param {Link} link */
  #opened(link) {
    this.#heartbeat.start();
    return Promise.all(this.#sessions.map((session) => this.#resume(session, link)));
  }

  /** @param {import("./roomcast/protocol/frames.js").Frame} frame @param {Link} link */
  #heard(frame, link) {
    if ("room" in frame) this.#rooms.get(frame.room)?.session.hear(frame, link);
  }

  /** @param {ConnectionState} state @param {string} [code] */
  #entered(state, code) {
    if (state === "closed") {
      this.#unwatch();
      this.#heartbeat.stop();
      for (const session of this.#sessions) session.end(new RoomcastError("closed"));
    }
    this.dispatchEvent(new CustomEvent("state", { detail: code === undefined ? { state } : { state, code } }));
  }

  #hurry() {
    this.#connection.hurry();
    this.#ping(0);
  }

  get #longestUnheard() {
    const { link } = this.#connection;
    if (!link) return this.#tools.clock.now();
    const here = this.#sessions.filter((session) => session.isOn(link));
    return Math.min(link.heardAt, ...here.map(({ heardAt }) => heardAt));
  }

  /**
   * Asks whether the server is there, and how far the rooms are that were not heard for a while: in a quiet room
   * nothing else tells that the last messages were missed.
   *
   * @param {number} silence - milliseconds
   */
  async #ping(silence) {
    const { link } = this.#connection;
    if (!link) return;
    const since = this.#tools.clock.now() - silence;
    const asked = this.#sessions.filter((session) => session.isOn(link) && session.heardAt <= since);
    try {
      const seqs = await link.ask(ping(asked.map(({ name }) => name)));
      for (const session of asked) session.check(seqs.get(session.name), link);
    } catch {
      // The link is lost, which is told elsewhere; or it was refused, and there will be another one.
    }
  }

  /** @param {boolean} refused - the rooms may be the reason, so they are left out; each will be joined anyway */
  #address(refused) {
    let url = new URL(this.#url);
    for (const session of this.#sessions) {
      if (refused || !session.wasJoined) continue;
      const longer = new URL(url);
      longer.searchParams.append("room", session.name);
      if (longer.href.length < LONGEST_URL) url = longer;
    }
    if (!url.searchParams.has("room")) url.searchParams.set("room", ""); // None at all would mean the lobby.
    return url.href;
  }
}
