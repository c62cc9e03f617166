import { defer } from "../deferred.js";
import { bytesOf, MAX_FRAME_BYTES, REF, send } from "../protocol/frames.js";
import { randomId } from "../protocol/random-id.js";
import { RoomcastError } from "../protocol/error.js";

/** Milliseconds. The server recognizes a message that is sent twice for 24 hours; an older one would count twice. */
export const MAX_WAIT = 23 * 60 * 60_000;

/**
 * @typedef {import("../protocol/frames.js").Ack} Ack
 * @typedef {import("./outbox.js").PendingMessage} PendingMessage
 * @typedef {<Result>(make: () => import("../protocol/frames.js").Request<Result>, signal: AbortSignal,
 *   onDelay: (error: RoomcastError) => void) => Promise<Result>} SendRequest
 */

/**
 * Sends a user's messages to one room, in order and one at a time. API Gateway runs the frames of a connection
 * concurrently, so the server may store two that are under way in either order.
 */
export class Sender {
  /** @type {Map<string, import("../deferred.js").Deferred<Ack>>} by id; a message from before a reload has none until send() is called again */
  #deferred = new Map();
  /** @type {{id: string, controller: AbortController} | null} */
  #underWay = null;
  /** @type {RoomcastError | null} */
  #stopped = null;
  #room;
  #outbox;
  #request;
  #clock;
  #onResult;
  #onDelay;

  /**
   * @param {string} room @param {import("./outbox.js").Outbox} outbox
   * @param {{request: SendRequest, clock: import("../transport/clock.js").Clock,
   *   onResult: (id: string, result: Ack | RoomcastError) => void,
   *   onDelay: (id: string, error: RoomcastError) => void}} tools
   */
  constructor(room, outbox, { request, clock, onResult, onDelay }) {
    this.#room = room;
    this.#outbox = outbox;
    this.#request = request;
    this.#clock = clock;
    this.#onResult = onResult;
    this.#onDelay = onDelay;
  }

  /** @returns {readonly PendingMessage[]} not acknowledged yet, oldest first */
  get pending() {
    return this.#outbox.messages;
  }

  /**
   * @param {string} message @param {{data?: unknown, ref?: string}} options
   * @returns {Promise<Ack>} rejects with a RoomcastError
   */
  send(message, options) {
    const sent = this.#send(message, options);
    sent.catch(() => {}); // A caller that listens to `failed` need not handle each promise.
    return sent;
  }

  /**
   * Say who is here from now on. Messages of another user are neither sent nor seen until that user returns.
   *
   * @param {string | null} owner @param {string} [user] - as Outbox.identify takes them
   */
  identify(owner, user) {
    this.#outbox.identify(owner, user);
    if (!this.#underWay || this.#outbox.has(this.#underWay.id)) return;
    this.#underWay.controller.abort();
    this.#underWay = null;
  }

  /** Send the first message that waits. */
  start() {
    const message = this.#outbox.first;
    if (!message || this.#underWay || this.#stopped) return;
    const { id, at } = message;
    const controller = new AbortController();
    this.#underWay = { id, controller };
    const make = () => {
      if (this.#clock.now() - at > MAX_WAIT) {
        throw new RoomcastError("expired", "The message has waited for too long to be sent safely. Send it again.");
      }
      return send(this.#room, message);
    };
    this.#request(make, controller.signal, (error) => this.#onDelay(id, error)).then(
      (ack) => this.#finish(id, ack),
      (error) => {
        if (error instanceof RoomcastError) this.#finish(id, error);
        else if (!controller.signal.aborted) throw error;
      },
    );
  }

  /** The room's own copy of a message proves that it is stored, even if the reply was lost. @param {Ack} ack */
  acknowledge({ id, seq, at }) {
    this.#finish(id, { id, seq, at });
  }

  /**
   * @param {RoomcastError} error - rejects every pending and later message
   * @param {{keepRestored: boolean}} options - `keepRestored`: keep the messages from before a reload, for a later page
   *   that can send them
   */
  stop(error, { keepRestored }) {
    this.#stopped = error;
    for (const { id } of this.pending) if (!keepRestored || this.#deferred.has(id)) this.#finish(id, error);
    for (const { reject } of this.#deferred.values()) reject(error); // Another user's; they stay in the storage.
    this.#deferred.clear();
    this.#outbox.close();
  }

  /** @param {string} text @param {{data?: unknown, ref?: string}} options */
  async #send(text, { data, ref = randomId() }) {
    if (this.#stopped || !this.#outbox.has(ref)) {
      const message = { id: ref, message: text, data, at: this.#clock.now() };
      try {
        this.#check(message);
        this.#outbox.add(message);
      } catch (failure) {
        await null; // The event must not come before this call returns.
        const error = failure instanceof RoomcastError ? failure
          : new RoomcastError("invalid_message", "The message cannot be written as JSON. Check its `data`.");
        this.#onResult(ref, error);
        throw error;
      }
    }
    const deferred = this.#deferred.get(ref) ?? defer();
    this.#deferred.set(ref, deferred);
    this.start();
    return deferred.promise;
  }

  /** Reject what the server would not even reply to. @param {PendingMessage} message @throws {RoomcastError} */
  #check(message) {
    if (this.#stopped) throw this.#stopped;
    if (!REF.test(message.id)) {
      throw new RoomcastError("invalid_ref", "A ref must be 1 to 128 printable ASCII characters.");
    }
    if (bytesOf(send(this.#room, message).frame) > MAX_FRAME_BYTES) {
      throw new RoomcastError("message_too_large", `A message with its data must fit into ${MAX_FRAME_BYTES} bytes.`);
    }
  }

  /** @param {string} id @param {Ack | RoomcastError} result */
  #finish(id, result) {
    if (!this.#outbox.remove(id)) return;
    if (this.#underWay?.id === id) {
      this.#underWay.controller.abort();
      this.#underWay = null;
    }
    const deferred = this.#deferred.get(id);
    this.#deferred.delete(id);
    if (result instanceof RoomcastError) deferred?.reject(result);
    else deferred?.resolve(result);
    this.#onResult(id, result);
    this.start();
  }
}
