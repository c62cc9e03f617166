import { Backoff } from "../transport/backoff.js";
import { join, leave } from "../protocol/frames.js";
import { within } from "../transport/clock.js";
import { SocketClosed } from "../transport/socket.js";
import { RoomcastError } from "../protocol/error.js";

/** How often a leave is sent if it fails. */
const LEAVE_ATTEMPTS = 5;
/** Milliseconds that the server may ask for. A wrong number must not end the attempts. */
const MAX_RETRY_AFTER = { join: 60_000, request: 60 * 60_000 };

/**
 * @typedef {import("../transport/socket.js").Socket} Socket
 * @typedef {import("../protocol/frames.js").JoinReply} JoinReply
 * @typedef {"joining" | "joined" | "left"} MembershipState
 * @typedef {{after: number | undefined, head: number, epoch: import("../protocol/frames.js").Epoch}} LogPosition - how
 *   far the room was read: complete up to `after`, and known to reach `head`, of the log `epoch`
 * @typedef {LogPosition & {changes: number}} Position - what was known when a join was sent; `changes`: of the rules
 * @typedef {object} Callbacks
 * @property {() => Position} position
 * @property {(reply: JoinReply, position: Position) => void} onJoined - after the reply to each join
 * @property {() => void} onAway - the socket is closed; the room will be joined on another
 * @property {(error: RoomcastError, acknowledged: Promise<void>) => void} onLeft - `acknowledged` resolves when the
 *   server knows it
 * @property {(error: RoomcastError) => void} onError - the server keeps the membership
 */

/** The membership in one room, over sockets that come and go. */
export class Membership {
  /** @type {Socket | null} that the room is joined on */
  #socket = null;
  /** @type {Socket | null} the newest one, to join the room on */
  #target = null;
  /** @type {Promise<void> | null} */
  #joining = null;
  /** @type {RoomcastError | null} */
  #ended = null;
  /** @type {(() => void)[]} */
  #waiting = [];
  /** @type {Map<any, () => void>} by timer */
  #pauses = new Map();
  #name;
  #callbacks;
  #clock;
  #random;

  /**
   * @param {string} name @param {Callbacks} callbacks
   * @param {{clock: import("../transport/clock.js").Clock, random: () => number}} tools
   */
  constructor(name, callbacks, { clock, random }) {
    this.#name = name;
    this.#callbacks = callbacks;
    this.#clock = clock;
    this.#random = random;
  }

  get socket() {
    return this.#socket;
  }

  /** Join the room on this socket. It replaces the earlier one when the reply comes. @param {Socket} socket */
  resume(socket) {
    if (this.#joining && socket === this.#target) return this.#joining;
    this.#target = socket;
    const joining = this.#join(socket).finally(() => {
      if (this.#joining === joining) this.#joining = null;
    });
    return (this.#joining = joining);
  }

  /** @param {Socket} socket - is closed */
  onClose(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#callbacks.onAway();
  }

  /**
   * Join again on the same socket: the server says that this connection is not a member of the room, or that the room
   * has another log. @param {Socket | null} [socket] - that said so
   */
  joinAgain(socket = this.#socket) {
    if (!socket || socket !== this.#target || socket !== this.#socket) return;
    this.onClose(socket);
    this.resume(socket);
  }

  /**
   * Send a request on the socket that the room is joined on. Send it again on the next socket if that one closes, and
   * after a pause if the error is temporary.
   *
   * @template Result
   * @param {() => import("../protocol/frames.js").Request<Result>} make - called at each attempt
   * @param {AbortSignal} [signal] - ends the attempts
   * @param {(error: RoomcastError) => void} [onDelay] - called at each temporary error
   * @returns {Promise<Result>}
   * @throws {RoomcastError} the server's, if it is not temporary, or the one that ended the membership
   */
  async request(make, signal, onDelay) {
    const backoff = this.#backoff();
    for (;;) {
      const socket = await this.#joinedSocket();
      signal?.throwIfAborted();
      try {
        const request = make();
        if (request.isMessage && (await this.#isHeldBack(socket))) continue;
        return await socket.request(request, signal);
      } catch (error) {
        if (error instanceof SocketClosed) continue;
        if (!(error instanceof RoomcastError && error.temporary)) throw error;
        if (error.code === "not_a_member") this.joinAgain(socket);
        onDelay?.(error);
        await this.#pause(error, backoff, MAX_RETRY_AFTER.request);
        signal?.throwIfAborted();
      }
    }
  }

  /** @returns {Promise<void>} when the server knows it, or need not know */
  leave() {
    const acknowledged = this.#sendLeave();
    this.end(new RoomcastError("left"), acknowledged);
    return acknowledged;
  }

  /**
   * End the membership here, whatever the server knows.
   *
   * @param {RoomcastError} error - rejects every pending and later request
   * @param {Promise<void>} [acknowledged] - resolves when the server knows it
   */
  end(error, acknowledged = Promise.resolve()) {
    if (this.#ended) return;
    this.#ended = error;
    this.#socket = null;
    this.retryNow();
    this.#wake();
    this.#callbacks.onLeft(error, acknowledged);
  }

  /** End every pause: what failed for a while may succeed now. */
  retryNow() {
    for (const [timer, end] of this.#pauses) {
      this.#clock.clearTimeout(timer);
      end();
    }
  }

  async #sendLeave() {
    if (this.#ended) return;
    await this.#joining; // API Gateway runs frames concurrently: this leave could overtake the join before it.
    const backoff = this.#backoff();
    for (let attempt = 1; ; attempt++) {
      try {
        return void (await this.#target?.request(leave(this.#name)));
      } catch (error) {
        if (error instanceof SocketClosed) return; // It has left its rooms.
        if (!(error instanceof RoomcastError)) throw error;
        if (!error.temporary || attempt === LEAVE_ATTEMPTS) return this.#callbacks.onError(error);
        await new Promise((resolve) => this.#clock.setTimeout(() => resolve(null), backoff.next()));
      }
    }
  }

  /** @param {Socket} socket */
  async #join(socket) {
    const backoff = this.#backoff();
    let isReadable = true;
    while (!this.#ended && socket.isOpen && socket === this.#target) {
      const position = this.#callbacks.position();
      if (!isReadable) position.after = undefined; // The page was not, and one message must not keep us out.
      try {
        const reply = await socket.request(join(this.#name, position));
        // By now a newer socket may be the target, with a join of its own.
        if (!this.#ended && socket.isOpen && socket === this.#target) this.#onJoined(socket, reply, position);
        return;
      } catch (error) {
        if (error instanceof SocketClosed) return;
        if (!(error instanceof RoomcastError)) throw error;
        if (error.code === "unreadable" && isReadable) isReadable = false;
        else if (!error.temporary) return this.end(error);
        await this.#pause(error, backoff, MAX_RETRY_AFTER.join);
      }
    }
  }

  /** @param {Socket} socket @param {JoinReply} reply @param {Position} position */
  #onJoined(socket, reply, position) {
    this.#socket = socket;
    this.#callbacks.onJoined(reply, position);
    this.#wake();
  }

  /** @returns {Promise<Socket>} */
  async #joinedSocket() {
    while (!this.#socket && !this.#ended) await new Promise((resolve) => this.#waiting.push(() => resolve(null)));
    if (this.#ended) throw this.#ended;
    return /** @type {Socket} */ (this.#socket);
  }

  /**
   * Wait if messages should wait for the next socket: until the room is joined there, or for so long as they should.
   *
   * @param {Socket} socket @returns {Promise<boolean>} true if it has waited
   */
  async #isHeldBack(socket) {
    const hold = socket.holdsMessagesUntil - this.#clock.elapsed();
    if (hold <= 0) return false;
    const moved = new Promise((resolve) => this.#waiting.push(() => resolve(null)));
    await within(hold, moved, this.#clock).catch(() => {}); // The caller looks again.
    return true;
  }

  #wake() {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** @param {RoomcastError} error @param {Backoff} backoff @param {number} longest @returns {Promise<void>} */
  #pause({ retryAfter = 0 }, backoff, longest) {
    if (this.#ended) return Promise.resolve();
    const delay = Math.min(retryAfter * 1000, longest) + backoff.next();
    return new Promise((resolve) => {
      const end = () => {
        this.#pauses.delete(timer);
        resolve();
      };
      const timer = this.#clock.setTimeout(end, delay);
      this.#pauses.set(timer, end);
    });
  }

  #backoff() {
    return new Backoff(this.#random);
  }
}
