import { systemClock, within } from "./roomcast/transport/clock.js";
import { Connection } from "./roomcast/transport/connection.js";
import { Emitter } from "./roomcast/emitter.js";
import { ping } from "./roomcast/protocol/frames.js";
import { Pinger } from "./roomcast/room/pinger.js";
import { randomId } from "./roomcast/protocol/random-id.js";
import { RoomcastError } from "./roomcast/protocol/error.js";
import { Room } from "./roomcast/room/room.js";
import { RoomList } from "./roomcast/room/subscriptions/room-list.js";
import { Session } from "./roomcast/room/session.js";
import { Subscriptions } from "./roomcast/room/subscriptions/subscriptions.js";
import { ownerOf } from "./roomcast/transport/token.js";
import { TabLock } from "./roomcast/room/sending/tab-lock.js";
import { tabStorage, watchNetwork } from "./roomcast/transport/browser.js";

export { ownerOf, randomId, Room, RoomcastError, RoomList };

/** @import { Socket } from "./roomcast/transport/socket.js" */

/** Characters. Some proxies cut or reject a longer address. */
const MAX_URL_LENGTH = 2_000;
/** Milliseconds that a ping may take when the browser reports no network. */
const OFFLINE_TIMEOUT = 3_000;
/** Milliseconds. API Gateway cuts a socket ten minutes later. */
const LIFETIME = 110 * 60_000;

/**
 * @typedef {import("./roomcast/room/room.js").RoomEvents} RoomEvents
 * @typedef {import("./roomcast/protocol/entries.js").Message} Message
 * @typedef {import("./roomcast/protocol/entries.js").Reaction} Reaction
 * @typedef {import("./roomcast/protocol/frames.js").Ack} Ack
 * @typedef {import("./roomcast/protocol/frames.js").Person} Person
 * @typedef {import("./roomcast/protocol/frames.js").Moderated} Moderated
 * @typedef {import("./roomcast/room/subscriptions/room-list.js").ListedRoom} ListedRoom
 * @typedef {import("./roomcast/room/presence.js").Presence} Presence
 * @typedef {import("./roomcast/room/rules.js").Rules} Rules
 * @typedef {import("./roomcast/room/presence.js").PresenceUpdate} PresenceUpdate
 * @typedef {import("./roomcast/transport/connection.js").ConnectionState} ConnectionState
 *   `idle`: before the first join. `offline`: the browser reports no network. `unreachable`: the server rejects the
 *   handshake or cannot be reached; attempts go on, slowly. `closed`: for good
 *
 * @typedef {import("./roomcast/transport/connection.js").TokenSource} TokenSource
 *
 * @typedef {{action: string, room?: string, code: string, detail: string}} ErrorDetail - what the server does not do
 *   and no promise or other event tells: an `action` of the protocol, `token`, or empty if it cannot be known
 * @typedef {import("./roomcast/room/options.js").RoomcastOptions} RoomcastOptions
 */

/**
 * A chat. It connects at the first join, and reconnects by itself until it is closed.
 *
 * @extends {Emitter<{state: {state: ConnectionState, code?: string}, error: ErrorDetail}>}
 */
export class Roomcast extends Emitter {
  /** @type {Map<string, {session: Session, room: Room, joined: Promise<Room>, owners: number}>} by name */
  #rooms = new Map();
  /** @type {Map<string, Promise<void>>} by name: resolves when the server has acknowledged the leave */
  #leaving = new Map();
  /** @type {string | null} of the token or the client id; null if it is not known yet */
  #owner;
  #url;
  #tools;
  #connection;
  #pinger;
  #subscriptions;
  #unwatch;

  /**
   * @param {string | URL} url - such as `wss://HOST/STAGE`, or relative to the page's address
   * @param {RoomcastOptions} [options]
   * @throws {TypeError} if the url is invalid or there is no WebSocket
   */
  constructor(url, options = {}) {
    super();
    const { name = "", client = randomId(), token, heartbeat, storage = tabStorage() } = options;
    const { WebSocket = globalThis.WebSocket, clock = systemClock, random = Math.random } = options;
    const { lifetime = LIFETIME * (1 - 0.05 * random()) } = options;
    if (!WebSocket) throw new TypeError("No global WebSocket: pass one as the option `WebSocket`.");
    this.#url = new URL(url, globalThis.location?.href);
    this.#url.protocol = this.#url.protocol.replace("http", "ws");
    this.#url.hash = "";
    this.#setName(name);
    this.#url.searchParams.set("client", client);
    this.#tools = { clock, random, storage, tab: options.locks ? new TabLock(options.locks, clock) : null };
    this.#owner = typeof token === "function" ? null : ownerOf(token ?? "", client);
    this.#connection = new Connection(
      {
        onOwner: (owner) => this.#onOwner(owner),
        address: (hasFailed) => this.#address(hasFailed),
        onOpen: (socket) => this.#onOpen(socket),
        onFrame: (frame, socket) => this.#onFrame(frame, socket),
        onClose: (socket) => this.#sessions.forEach((session) => session.onClose(socket)),
        onState: (state, code) => this.#onState(state, code),
        onTokenError: (error) => this.#report(error, { action: "token" }),
        onError: (error) => this.#report(error, { action: "" }),
      },
      { client, token: typeof token === "function" ? token : () => token, lifetime, WebSocket, clock, random },
    );
    this.#subscriptions = new Subscriptions({
      subscription: (room) => this.#rooms.get(room)?.session.subscription,
      join: (room) => this.join(room),
      onError: (error) => this.#report(error, { action: "rooms" }),
      clock, random,
    });
    this.#pinger = new Pinger(heartbeat, {
      socket: () => this.#connection.socket,
      sessions: () => this.#sessions,
      onWake: () => this.retry(),
      onError: (error) => this.#report(error, { action: "ping" }),
      clock, random,
    });
    this.#unwatch = watchNetwork({
      online: () => this.retry(), offline: () => this.#onOffline(),
      shown: () => this.#subscriptions.onShown(),
    });
  }

  /** @returns {ConnectionState} */
  get state() {
    return this.#connection.state;
  }

  /** @returns {number | null} milliseconds until it tries to connect again; null if it is connected or trying, or closed */
  get nextAttemptIn() {
    return this.#connection.nextAttemptIn;
  }

  /** @returns {Room[]} the joined ones, and those to be joined when the connection is back */
  get joined() {
    return [...this.#rooms.values()].map(({ room }) => room);
  }

  /**
   * Join a room, or wait while offline. Returns the same Room until it is left, which needs a leave() for each join().
   *
   * @param {string} name - 1 to 100 visible characters; the Room has it in Unicode's form NFC, as the server does
   * @param {{history?: number}} [options] - `history`: how many earlier messages to begin with, default 50
   * @returns {Promise<Room>}
   * @throws {RoomcastError} the server's, or `closed` or `left`
   */
  async join(name, { history = 50 } = {}) {
    if (this.state === "closed") throw new RoomcastError("closed");
    const key = name.normalize("NFC");
    const entry = this.#rooms.get(key) ?? this.#add(key, history);
    entry.owners++;
    return entry.joined;
  }

  /**
   * The rooms that this user has subscribed to, with how much of each is unread: a list that is kept up to date, always
   * the same object. It is read from the server at the first call, after each reconnect, and when the page is shown again.
   *
   * @returns {RoomList}
   */
  rooms() {
    this.#connection.open();
    return this.#subscriptions.list();
  }

  /** This user's inbox, joined: a room that nobody else can read. @returns {Promise<Room>} rejects as join() does */
  get inbox() {
    this.#connection.open();
    return this.#subscriptions.inbox();
  }

  /**
   * Change the user's name. A name belongs to a connection, so another connection takes over; nothing is lost. What is
   * sent from now on waits for that connection: ten seconds at most, then it goes under the old name.
   *
   * @param {string} name - that the other members see
   */
  rename(name) {
    this.#setName(name);
    this.#connection.replaceSocket();
  }

  /** Connect now, if it waits for its next attempt. While connected, ask whether the connection still lives. */
  retry() {
    this.#connection.retryNow();
    this.#pinger.ping(0);
  }

  /**
   * Close for good. The messages that wait fail with `closed`, and are forgotten: no later page sends them. Only those
   * of an earlier page stay in the storage, for their user, in a room that this chat never joined.
   */
  close() {
    this.#connection.close("closed");
  }

  /** @param {string} name */
  #setName(name) {
    if (name) this.#url.searchParams.set("name", name);
    else this.#url.searchParams.delete("name");
  }

  get #sessions() {
    return [...this.#rooms.values()].map(({ session }) => session);
  }

  /** @param {string} name @param {number} history */
  #add(name, history) {
    const { ask, watcher } = this.#subscriptions;
    const session = new Session(name, {
      ...this.#tools, ask, watcher,
      history,
      keyOf: (owner) => `roomcast.outbox ${this.#url.origin}${this.#url.pathname} ${owner} ${name}`,
      owner: this.#owner,
      dispatch: (event) => void room.dispatchEvent(event),
      onLeft: (acknowledged) => this.#onLeft(name, acknowledged),
      onError: (action, error) => this.#report(error, { action, room: name }),
    });
    const room = new Room(name, session, async () => {
      if (--entry.owners <= 0) await session.leave();
    });
    const entry = { session, room, joined: session.ready.then(() => room), owners: 0 };
    this.#rooms.set(name, entry);
    if (this.#connection.socket) this.#resume(session, this.#connection.socket);
    else this.#connection.open();
    return entry;
  }

  /** @param {string} name @param {Promise<void>} acknowledged - by the server */
  #onLeft(name, acknowledged) {
    this.#rooms.delete(name);
    this.#subscriptions.onLeft();
    const leaving = acknowledged.finally(() => leaving === this.#leaving.get(name) && this.#leaving.delete(name));
    this.#leaving.set(name, leaving);
  }

  /** @param {string | null} owner */
  #onOwner(owner) {
    this.#owner = owner;
    for (const session of this.#sessions) session.identify(owner);
  }

  /** @param {Session} session @param {Socket} socket */
  async #resume(session, socket) {
    await this.#leaving.get(session.name); // API Gateway runs frames concurrently: this join could overtake the leave.
    await session.resume(socket);
  }

  /** @param {Socket} socket */
  #onOpen(socket) {
    this.#pinger.start();
    this.#subscriptions.onOpen(socket);
    return Promise.all(this.#sessions.map((session) => this.#resume(session, socket)));
  }

  /** @param {import("./roomcast/protocol/frames.js").Frame} frame @param {Socket} socket */
  #onFrame(frame, socket) {
    if (frame.type === "notice") this.#subscriptions.onNotice(frame);
    else if ("room" in frame) this.#rooms.get(frame.room)?.session.onFrame(frame, socket);
  }

  /** @param {ConnectionState} state @param {string} [code] */
  #onState(state, code) {
    if (state === "closed") {
      this.#unwatch();
      this.#pinger.stop();
      this.#subscriptions.end(new RoomcastError("closed"));
      for (const session of this.#sessions) session.end(new RoomcastError("closed"));
    }
    this.dispatchEvent(new CustomEvent("state", { detail: code === undefined ? { state } : { state, code } }));
  }

  /** The browser reports no network. It may be wrong, as after a change of a virtual adapter, so ask the server. */
  async #onOffline() {
    const { socket } = this.#connection;
    const { clock } = this.#tools;
    const askedAt = clock.elapsed();
    await within(OFFLINE_TIMEOUT, socket?.request(ping([])), clock).catch(() => {}); // The next line looks.
    const isAlive = socket?.isOpen && socket.lastActivityAt > askedAt;
    if (socket === this.#connection.socket && !isAlive) this.#connection.goOffline();
  }

  /** @param {RoomcastError} error @param {{action: string, room?: string}} cause */
  #report({ code, message }, cause) {
    this.dispatchEvent(new CustomEvent("error", { detail: { ...cause, code, detail: message } }));
  }

  /** @param {boolean} hasFailed - the last handshake did. A room may be the reason, so it names none of them */
  #address(hasFailed) {
    let url = new URL(this.#url);
    for (const session of this.#sessions) {
      if (hasFailed || !session.wasJoined) continue;
      const longer = new URL(url);
      longer.searchParams.append("room", session.name);
      if (longer.href.length < MAX_URL_LENGTH) url = longer;
    }
    if (!url.searchParams.has("room")) url.searchParams.set("room", ""); // Else the server joins the lobby.
    return url.href;
  }
}
