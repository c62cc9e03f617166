import { Backoff } from "./backoff.js";
import { ignoreTimeout, TimedOut, within } from "./clock.js";
import { RoomcastError } from "../protocol/error.js";
import { SUBPROTOCOL } from "../protocol/frames.js";
import { ReplyTimeout } from "./reply-timeout.js";
import { Socket } from "./socket.js";
import { ownerOf } from "./token.js";

/** After this many failed handshakes in a row the state is `unreachable`. */
const UNREACHABLE_AFTER = 3;
/** Milliseconds. Pauses grow up to it, so that a short outage has a short pause. */
const MAX_PAUSE = 60_000;
/** The next socket takes over after this share of a token's lifetime. */
const TOKEN_SHARE = 0.8;
/** Milliseconds. A fresh token that lasts shorter is not replaced before the server ends it. */
const MIN_TOKEN_TIME = 30_000;
/** Milliseconds that the token source may take. After that the attempt counts as a failed handshake. */
const TOKEN_TIMEOUT = 10_000;
/** Milliseconds that messages wait for a socket with the user's new name. After that they go under the old one. */
const MAX_HOLD = 10_000;
/** Milliseconds that the rooms may take to move to the next socket. After that the older one closes all the same. */
const MOVE_TIMEOUT = 60_000;

/**
 * @typedef {import("../protocol/frames.js").Frame} Frame
 * @typedef {"idle" | "connecting" | "open" | "reconnecting" | "offline" | "unreachable" | "closed"} ConnectionState
 *
 * @typedef {object} Callbacks
 * @property {(owner: string | null) => void} onOwner - of the token or the client id that it is about to connect with
 * @property {(hasFailed: boolean) => string} address - `hasFailed`: the last handshake failed
 * @property {(socket: Socket) => Promise<unknown>} onOpen - resolves when every room has moved to the socket, or cannot
 * @property {(frame: Frame, socket: Socket) => void} onFrame
 * @property {(socket: Socket) => void} onClose
 * @property {(state: ConnectionState, code?: string) => void} onState
 * @property {(error: RoomcastError) => void} onTokenError
 * @property {(error: RoomcastError) => void} onError - of a request, the server cannot say of which
 *
 * @typedef {(request: {fresh: boolean}) => string | undefined | Promise<string | undefined>} TokenSource - `fresh`: the
 *   last token has expired, is about to expire, or was rejected
 *
 * @typedef {object} Options
 * @property {string} client - the client id
 * @property {TokenSource} token
 * @property {number} lifetime - of a socket, in milliseconds
 * @property {import("./socket.js").WebSocketClass} WebSocket
 * @property {import("./clock.js").Clock} clock
 * @property {() => number} random
 */

/**
 * Keeps one socket open. Opens the next one when it closes, and before API Gateway would cut it, while it still serves.
 */
export class Connection {
  /** @type {ConnectionState} */
  state = "idle";
  /** @type {Socket | null} the newest open one */
  socket = null;
  /** @type {Set<Socket>} all open ones; an older one stays open until its requests have their replies */
  #sockets = new Set();
  /** @type {Socket | null} whose handshake is under way */
  #next = null;
  /** @type {object | null} the attempt that is under way */
  #attempt = null;
  #failedHandshakes = 0; // in a row
  #hasExpired = false; // the token has, or is about to
  #tokenEndsAt = { now: Infinity, elapsed: Infinity }; // by two clocks: `elapsed` may stand still in a device's sleep
  /** @type {string | undefined} the newest one */
  #token = undefined;
  #isFresh = false; // it was asked for as a fresh one
  /** @type {Socket | null} of which the server has said when it ends */
  #expiring = null;
  /** @type {any} */
  #retryTimer = null;
  #retryAt = 0; // by the clock's `elapsed`
  /** @type {any} */
  #handOverTimer = null;
  #replyTimeout = new ReplyTimeout();
  #backoff;
  #callbacks;
  #options;

  /** @param {Callbacks} callbacks @param {Options} options */
  constructor(callbacks, options) {
    this.#callbacks = callbacks;
    this.#options = options;
    this.#backoff = new Backoff(options.random, { max: MAX_PAUSE });
  }

  /** Milliseconds until the next attempt; null while one is under way, or none is to come. @returns {number | null} */
  get nextAttemptIn() {
    if (this.socket || this.#attempt || this.state === "idle" || this.state === "closed") return null;
    return Math.max(0, this.#retryAt - this.#options.clock.elapsed());
  }

  /** Connect, at the first call. */
  open() {
    if (this.state !== "idle") return;
    this.#enter("connecting");
    this.#connect();
  }

  /** Connect now, if a pause between two attempts is under way. */
  retryNow() {
    if (this.socket || this.#attempt || this.state === "idle" || this.state === "closed") return;
    this.#enter("reconnecting");
    this.#connect();
  }

  /** Open another socket, because the user's name in the address has changed. Messages wait for it, but not for ever. */
  replaceSocket() {
    const { clock } = this.#options;
    for (const socket of this.#sockets) socket.holdsMessagesUntil = clock.elapsed() + MAX_HOLD;
    if (!this.socket && !this.#attempt) return; // The next attempt reads the address anyway.
    this.#giveUp();
    this.#connect();
  }

  /** There is no network: close now, because sockets notice that late. */
  goOffline() {
    if (this.state === "idle" || this.state === "closed") return;
    this.#enter("offline");
    this.#closeAll();
    this.#retryIn(this.#backoff.next()); // The browser may be wrong, or not say that it is online again.
  }

  /** Close for good. @param {string} code - the reason */
  close(code) {
    if (this.state === "closed") return;
    this.#enter("closed", code);
    this.#closeAll();
  }

  async #connect() {
    this.#options.clock.clearTimeout(this.#retryTimer);
    const attempt = (this.#attempt = {});
    try {
      const { now, elapsed } = this.#tokenEndsAt;
      const { clock } = this.#options;
      const hasExpired = this.#hasExpired || clock.elapsed() >= elapsed || clock.now() >= now;
      const fresh = hasExpired || this.#failedHandshakes >= UNREACHABLE_AFTER - 1;
      const token = await within(TOKEN_TIMEOUT, this.#options.token({ fresh }), this.#options.clock);
      if (attempt !== this.#attempt) return;
      if (token !== this.#token) this.#tokenEndsAt = { now: Infinity, elapsed: Infinity };
      this.#token = token;
      this.#isFresh = fresh;
      const protocols = token ? [SUBPROTOCOL, `token.${token}`] : [SUBPROTOCOL];
      const owner = ownerOf(token ?? "", this.#options.client);
      this.#callbacks.onOwner(owner);
      /** @type {import("./socket.js").Callbacks} */
      const callbacks = {
        onOpen: (socket) => this.#onOpen(socket),
        onFrame: (frame, socket) => this.#onFrame(frame, socket),
        onError: (error) => this.#callbacks.onError(error),
        onExpiresIn: (seconds, socket) => this.#onExpiresIn(seconds, socket),
        onProven: () => this.#backoff.reset(),
        onClose: (socket) => this.#onClose(socket),
      };
      const address = this.#callbacks.address(this.#failedHandshakes > 0);
      this.#next = new Socket(address, protocols, callbacks, { ...this.#options, replyTimeout: this.#replyTimeout, owner });
    } catch (error) {
      // The token source failed or took too long, or its token cannot be a subprotocol.
      if (attempt !== this.#attempt) return;
      const reason = error instanceof TimedOut ? `No token came in ${TOKEN_TIMEOUT / 1000} seconds.` : String(error);
      this.#onFailure();
      this.#callbacks.onTokenError(new RoomcastError("token_failed", reason));
    }
  }

  /** @param {Socket} socket */
  async #onOpen(socket) {
    this.#next = null;
    this.#attempt = null;
    this.#failedHandshakes = 0;
    this.#hasExpired = false;
    this.socket = socket;
    this.#sockets.add(socket);
    this.#enter("open");
    this.#handOverIn(this.#options.lifetime);
    const moved = this.#callbacks.onOpen(socket);
    await within(MOVE_TIMEOUT, moved, this.#options.clock).catch(ignoreTimeout);
    if (!socket.isOpen) return;
    for (const older of this.#sockets) if (older !== socket) older.retire();
  }

  /**
   * Hand over before the server closes the socket because its token has expired. The server says how long that is, since
   * this device's clock may be wrong. A fresh token that is so short is not replaced by one that would be, too.
   *
   * @param {number} seconds @param {Socket} socket
   */
  #onExpiresIn(seconds, socket) {
    if (socket !== this.socket || socket === this.#expiring) return;
    this.#expiring = socket;
    const { clock, lifetime } = this.#options;
    const life = seconds * 1000;
    this.#tokenEndsAt = { now: clock.now() + life, elapsed: clock.elapsed() + life };
    const share = life * TOKEN_SHARE;
    if (share < lifetime && (!this.#isFresh || share >= MIN_TOKEN_TIME)) this.#handOverIn(share, { fresh: true });
  }

  /** @param {number} delay @param {{fresh: boolean}} [token] */
  #handOverIn(delay, { fresh } = { fresh: false }) {
    const { clock } = this.#options;
    clock.clearTimeout(this.#handOverTimer);
    this.#handOverTimer = clock.setTimeout(() => {
      this.#hasExpired ||= fresh;
      if (!this.#attempt) this.#connect();
    }, delay);
  }

  /** @param {Frame} frame @param {Socket} socket */
  #onFrame(frame, socket) {
    if (frame.type !== "disconnect") return this.#callbacks.onFrame(frame, socket);
    if (!frame.reconnect) return this.close(frame.code);
    this.#hasExpired ||= frame.code === "token_expired";
    socket.close(); // The server is about to close it.
  }

  /** @param {Socket} socket */
  #onClose(socket) {
    if (socket === this.#next) return this.#onFailure();
    if (!this.#sockets.delete(socket)) return; // It was given up before it opened.
    this.#callbacks.onClose(socket);
    if (socket !== this.socket) return;
    this.socket = null;
    this.#options.clock.clearTimeout(this.#handOverTimer);
    if (this.state !== "open") return;
    this.#enter("reconnecting");
    if (!this.#attempt) this.#retryIn(this.#backoff.next());
  }

  #onFailure() {
    this.#next = null;
    this.#attempt = null;
    this.#failedHandshakes++;
    const isUnreachable = this.#failedHandshakes >= UNREACHABLE_AFTER;
    if (!this.socket && this.state !== "offline") this.#enter(isUnreachable ? "unreachable" : "reconnecting");
    this.#retryIn(this.#backoff.next());
  }

  /** Give up the attempt that is under way. */
  #giveUp() {
    this.#options.clock.clearTimeout(this.#retryTimer);
    this.#attempt = null;
    const next = this.#next;
    this.#next = null; // Before it closes, so that its close does not count as a failed handshake.
    next?.close();
  }

  #closeAll() {
    this.#giveUp();
    for (const socket of this.#sockets) socket.close();
  }

  /** @param {number} delay */
  #retryIn(delay) {
    this.#options.clock.clearTimeout(this.#retryTimer);
    this.#retryAt = this.#options.clock.elapsed() + delay;
    this.#retryTimer = this.#options.clock.setTimeout(() => this.#connect(), delay);
  }

  /** @param {ConnectionState} state @param {string} [code] */
  #enter(state, code) {
    if (state === this.state) return;
    this.state = state;
    this.#callbacks.onState(state, code);
  }
}
