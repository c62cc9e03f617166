import { Backoff } from "./backoff.js";
import { ReplyTimeout } from "./reply-timeout.js";
import { alive, parseFrame } from "../protocol/frames.js";

/** How long, in milliseconds, a handshake may take. */
export const TIMEOUT = 10_000;

/**
 * How many requests of a socket may be under way. The others wait, so that a client of many rooms neither fills a slow
 * link with pages nor meets API Gateway's throttle by itself.
 */
const MAX_UNDER_WAY = 8;
/** How often frames that come may extend the time for a reply: API Gateway gives up a request after 29 s. */
const MAX_TIMEOUTS = 3;
/** Milliseconds before requests are sent again, in which replies that are on their way still come. */
const MIN_RESEND_PAUSE = 500;
/** A WebSocket's `readyState`. */
const OPEN = 1;

/** The socket closed before the reply came. The server may or may not have done the request. */
export class SocketClosed extends Error {}

/**
 * The part of a WebSocket that the library uses. That of a browser, of Node.js and of the `ws` package have it.
 *
 * @typedef {object} WebSocketLike
 * @property {number} readyState
 * @property {(text: string) => void} send
 * @property {() => void} close
 * @property {(type: "open" | "message" | "close" | "error", listener: (event: any) => void) => void} addEventListener
 * @typedef {new (url: string, protocols: string[]) => WebSocketLike} WebSocketClass
 *
 * @typedef {import("../protocol/frames.js").Frame} Frame
 * @typedef {object} Callbacks
 * @property {(socket: Socket) => void} onOpen
 * @property {(frame: Frame, socket: Socket) => void} onFrame - for every frame that is not a reply
 * @property {(error: import("../protocol/error.js").RoomcastError) => void} onError - one of several requests failed,
 *   and the server cannot say which
 * @property {(seconds: number, socket: Socket) => void} onExpiresIn - the server ends the connection then
 * @property {(socket: Socket) => void} onProven - the server has shown that it knows this connection
 * @property {(socket: Socket) => void} onClose - also after close(); before the pending requests reject
 * @typedef {object} PendingRequest
 * @property {string} frame
 * @property {(reply: Record<string, unknown>) => boolean} accept - false if the reply is malformed
 * @property {(reason: unknown) => void} reject
 * @property {() => Promise<unknown>} done - resolves when the request has resolved or rejected
 * @property {boolean} isUnderWay - it was sent, and neither its reply nor an error of API Gateway has come
 * @property {number} sentAt
 * @property {any} deadline
 */

/** One WebSocket. Requests are promises, and a socket that does not reply is closed. It never reconnects. */
export class Socket {
  /** @type {Map<string, PendingRequest>} by ref */
  #requests = new Map();
  #webSocket;
  #callbacks;
  #clock;
  #state = "connecting";
  /** @type {any} */
  #handshakeTimer;
  /** @type {any} */
  #resendTimer = null;
  /** @type {any} */
  #retireTimer = null;
  #window = MAX_UNDER_WAY; // how many requests may be under way now
  #repliesInRow = 0; // since API Gateway's last error
  #backoff;
  #replyTimeout;

  /**
   * @param {string} url @param {string[]} protocols @param {Callbacks} callbacks
   * @param {{WebSocket: WebSocketClass, clock: import("./clock.js").Clock, random: () => number,
   *   replyTimeout?: ReplyTimeout, owner?: string | null}} tools - `owner`: of the token or the client id that it connects with
   * @throws what the WebSocket's constructor throws for an invalid address or subprotocol
   */
  constructor(url, protocols, callbacks, { WebSocket, clock, random, replyTimeout = new ReplyTimeout(), owner = null }) {
    this.#callbacks = callbacks;
    this.#clock = clock;
    this.#replyTimeout = replyTimeout;
    this.#backoff = new Backoff(random);
    this.#webSocket = new WebSocket(url, protocols);
    this.#webSocket.addEventListener("open", () => this.#onOpen());
    this.#webSocket.addEventListener("message", ({ data }) => this.#onMessage(data));
    this.#webSocket.addEventListener("close", () => this.close());
    // `close` always follows `error`. The `ws` package throws an error that has no listener.
    this.#webSocket.addEventListener("error", () => {});
    this.#handshakeTimer = clock.setTimeout(() => this.close(), TIMEOUT);
    /** @readonly */
    this.owner = owner;
    /** When the last frame came. */
    this.lastActivityAt = clock.elapsed();
    /** Until when messages should wait for the next socket, which has the user's new name. */
    this.holdsMessagesUntil = 0;
  }

  get isOpen() {
    return this.#state === "open";
  }

  /**
   * Send a request and return its result.
   *
   * @template Result
   * @param {import("../protocol/frames.js").Request<Result>} request
   * @param {AbortSignal} [signal] - drops the request: a later reply is ignored
   * @returns {Promise<Result>} rejects with the server's RoomcastError, with SocketClosed or with the signal's reason
   */
  async request({ ref, frame, read }, signal) {
    // Two rooms may use the same ref, and an error does not name its room: so the second request waits for the first.
    for (let other; (other = this.#requests.get(ref)); ) await other.done();
    signal?.throwIfAborted();
    if (!this.isOpen) throw new SocketClosed();
    /** @type {Promise<any>} */
    const result = new Promise((resolve, reject) => {
      const accept = (/** @type {Record<string, unknown>} */ reply) => {
        const value = read(reply);
        if (value !== null) resolve(value);
        return value !== null;
      };
      const done = () => result.catch(() => {});
      const request = { frame, accept, reject, done, isUnderWay: false, sentAt: 0, deadline: null };
      this.#requests.set(ref, request);
      this.#transmit();
      signal?.addEventListener("abort", () => {
        if (this.#requests.get(ref) === request) this.#remove(ref)?.reject(signal.reason);
      });
    });
    return result;
  }

  /** Close as soon as every pending request has its reply, or after `timeout` milliseconds. */
  retire(timeout = 5_000) {
    if (this.#state !== "open" || this.#retireTimer) return;
    this.#retireTimer = this.#clock.setTimeout(() => this.close(), timeout);
    if (this.#requests.size === 0) this.close();
  }

  close() {
    if (this.#state === "closed") return;
    this.#state = "closed";
    for (const timer of [this.#handshakeTimer, this.#resendTimer, this.#retireTimer]) this.#clock.clearTimeout(timer);
    this.#webSocket.close();
    this.#callbacks.onClose(this);
    for (const ref of [...this.#requests.keys()]) this.#remove(ref)?.reject(new SocketClosed());
  }

  #onOpen() {
    if (this.#state !== "connecting") return; // The handshake timed out a moment ago.
    this.#state = "open";
    this.#clock.clearTimeout(this.#handshakeTimer);
    this.lastActivityAt = this.#clock.elapsed();
    this.#callbacks.onOpen(this);
  }

  /** @param {unknown} data */
  #onMessage(data) {
    if (!this.isOpen) return;
    this.lastActivityAt = this.#clock.elapsed();
    const frame = parseFrame(data);
    if (!frame) return;
    if (frame.type === "gateway_error") return this.#onGatewayError();
    // The server has lost this connection's row and will send it nothing more. Only a new connection helps.
    if (frame.type === "error" && frame.error.code === "not_connected") return this.close();
    if (frame.type !== "disconnect") this.#callbacks.onProven(this);
    // Without an answer the server takes this socket for dead and closes it. Nobody waits for the reply.
    if (frame.type === "check") return this.#write(alive().frame);
    if (frame.type === "reply") {
      if (frame.expiresIn !== undefined) this.#callbacks.onExpiresIn(frame.expiresIn, this);
      if (this.#requests.get(frame.ref ?? "")?.accept(frame.fields)) this.#onReply(frame.ref ?? "");
    } else if (frame.type === "error") {
      const ref = frame.ref ?? this.#onlyRef();
      if (ref) this.#onReply(ref)?.reject(frame.error);
      else this.#callbacks.onError(frame.error);
    } else {
      this.#callbacks.onFrame(frame, this);
    }
  }

  get #underWay() {
    return [...this.#requests.values()].filter(({ isUnderWay }) => isUnderWay);
  }

  /** The server could not read a frame far enough to find its ref. If one request is under way, it was that one. */
  #onlyRef() {
    const refs = [...this.#requests].filter(([, { isUnderWay }]) => isUnderWay).map(([ref]) => ref);
    return refs.length === 1 ? refs.join() : "";
  }

  /** @param {string} ref */
  #onReply(ref) {
    const request = this.#remove(ref);
    const now = this.#clock.elapsed();
    if (request) this.#replyTimeout.onReply(now - request.sentAt, now);
    if (request && (++this.#repliesInRow >= MAX_UNDER_WAY || this.#requests.size === 0)) {
      this.#backoff.reset();
      this.#window = MAX_UNDER_WAY;
    }
    return request;
  }

  /** @param {string} ref @returns {PendingRequest | undefined} the request, if it was pending */
  #remove(ref) {
    const request = this.#requests.get(ref);
    if (!request) return;
    this.#requests.delete(ref);
    this.#clock.clearTimeout(request.deadline);
    if (this.#retireTimer && this.#requests.size === 0) this.close();
    this.#transmit();
    return request;
  }

  /** Send the requests that wait, oldest first, as many as may be under way. */
  #transmit() {
    if (this.#resendTimer || !this.isOpen) return;
    let free = this.#window - this.#underWay.length;
    for (const request of this.#requests.values()) {
      if (request.isUnderWay) continue;
      if (free-- <= 0) return;
      request.isUnderWay = true;
      request.sentAt = this.#clock.elapsed();
      this.#awaitReply(request, this.#replyTimeout.value);
      this.#write(request.frame);
    }
  }

  /**
   * A WebSocket is closed a moment before its event tells so. Browsers complain in the console of what is sent then, and
   * the request fails with that event anyway.
   *
   * @param {string} frame
   */
  #write(frame) {
    if (this.#webSocket.readyState === OPEN) this.#webSocket.send(frame);
  }

  /**
   * Close the socket if the reply does not come. On a slow link the reply waits behind other frames: those that come
   * extend the time, but not for ever, because a request can be lost on a living socket.
   *
   * @param {PendingRequest} request @param {number} delay
   */
  #awaitReply(request, delay) {
    request.deadline = this.#clock.setTimeout(() => {
      const { value, isExtended } = this.#replyTimeout;
      const now = this.#clock.elapsed();
      const end = Math.min(this.lastActivityAt + value, request.sentAt + MAX_TIMEOUTS * value);
      if (isExtended && end > now) return this.#awaitReply(request, Math.ceil(end - now));
      this.#replyTimeout.onLate(now);
      this.close();
    }, delay);
  }

  /**
   * API Gateway does not say which request failed. Each may be sent twice, so send those without a reply again, but in
   * one round after a pause: if each of N errors caused N requests, a throttled client would flood the chat. The rounds
   * get smaller and the pauses longer until the errors end.
   */
  #onGatewayError() {
    this.#repliesInRow = 0;
    for (const { deadline } of this.#underWay) this.#clock.clearTimeout(deadline); // The server is alive.
    if (this.#resendTimer) return;
    this.#window = Math.max(1, this.#window >> 1);
    this.#resendTimer = this.#clock.setTimeout(() => {
      this.#resendTimer = null;
      for (const request of this.#underWay) request.isUnderWay = false;
      this.#transmit();
    }, MIN_RESEND_PAUSE + this.#backoff.next());
  }
}
