import { defer } from "../../deferred.js";
import { bytesOf, MAX_FRAME_BYTES, REF, write } from "../../protocol/frames.js";
import { randomId } from "../../protocol/random-id.js";
import { RoomcastError } from "../../protocol/error.js";

/** Milliseconds. The server recognizes what is sent twice for 24 hours; an older message would count twice. */
export const MAX_WAIT = 23 * 60 * 60_000;
/** How many stored messages a change may name by their ids. */
const MAX_STORED = 100;

/**
 * @typedef {import("../../protocol/frames.js").Ack} Ack
 * @typedef {import("./outbox.js").Item} Item
 * @typedef {<Result>(make: () => import("../../protocol/frames.js").Request<Result>, signal: AbortSignal,
 *   onDelay: (error: RoomcastError) => void) => Promise<Result>} SendRequest
 */

/**
 * Sends a user's messages and changes to one room, in order and one at a time. API Gateway runs the frames of a
 * connection concurrently, so the server may store two that are under way in either order.
 */
export class Sender {
  /** @type {Map<string, import("../../deferred.js").Deferred<Ack>>} by id; an item from before a reload has none until send() is called again */
  #deferred = new Map();
  /** @type {{id: string, controller: AbortController} | null} */
  #underWay = null;
  /** @type {RoomcastError | null} */
  #stopped = null;
  /** @type {Map<string, number>} the seqs of stored messages by id, the oldest first: a change may name one by its id */
  #stored = new Map();
  #room;
  #outbox;
  #request;
  #clock;
  #epoch;
  #onResult;
  #onDelay;

  /**
   * @param {string} room @param {import("./outbox.js").Outbox} outbox
   * @param {{request: SendRequest, clock: import("../../transport/clock.js").Clock,
   *   epoch: () => string | undefined,
   *   onResult: (item: Item, result: Ack | RoomcastError) => void,
   *   onDelay: (item: Item, error: RoomcastError) => void}} tools
   */
  constructor(room, outbox, { request, clock, epoch, onResult, onDelay }) {
    this.#room = room;
    this.#outbox = outbox;
    this.#request = request;
    this.#clock = clock;
    this.#epoch = epoch;
    this.#onResult = onResult;
    this.#onDelay = onDelay;
  }

  /** @returns {readonly Item[]} not acknowledged yet, oldest first */
  get pending() {
    return this.#outbox.items;
  }

  /**
   * @param {string} message @param {{data?: unknown, replyTo?: number, mentions?: string[], ref?: string}} options
   * @returns {Promise<Ack>} rejects with a RoomcastError
   */
  send(message, { data, replyTo, mentions, ref = randomId() }) {
    const answered = replyTo === undefined ? {} : { replyTo, epoch: this.#epoch() };
    const mentioned = mentions?.length ? { mentions: [...mentions] } : {};
    const item = { id: ref, action: /** @type {const} */ ("send"), message, data, ...mentioned, ...answered };
    return this.#quietly(this.#enqueue({ ...item, at: this.#clock.now() }));
  }

  /**
   * Change a message. An edit and a deletion of one that was never sent happen here, and not at the server.
   *
   * @param {number | string} target - the message: its seq, or its id if it is this user's own
   * @param {Pick<Item, "action" | "message" | "data" | "reaction" | "on">} content
   * @returns {Promise<Ack | null>} null: the message was deleted before it was sent
   */
  change(target, content) {
    const waiting = typeof target === "string" ? this.#outbox.get(target) : undefined;
    if (waiting && !waiting.tried && content.action === "edit") {
      return this.#quietly(this.#enqueue({ ...waiting, message: content.message, data: content.data }, true));
    }
    if (waiting && !waiting.tried && content.action === "delete") {
      this.#finish(waiting.id, new RoomcastError("deleted", "The message was deleted before it was sent."));
      return Promise.resolve(null);
    }
    const seq = typeof target === "string" ? this.#stored.get(target) : target;
    const of = waiting ? { ref: waiting.id } : { seq, epoch: this.#epoch() };
    return this.#quietly(this.#enqueue({ id: randomId(), ...content, ...of, at: this.#clock.now() }));
  }

  /**
   * Say who is here from now on. What another user has written is neither sent nor seen until that user returns.
   *
   * @param {string | null} owner @param {string} [user] - as Outbox.identify takes them
   */
  identify(owner, user) {
    this.#outbox.identify(owner, user);
    if (!this.#underWay || this.#outbox.get(this.#underWay.id)) return;
    this.#underWay.controller.abort();
    this.#underWay = null;
  }

  /** Take over what waits in tabs that are gone. @returns {Promise<boolean>} true if there was something */
  adopt() {
    return this.#outbox.adopt();
  }

  /** Send the first item that waits. */
  start() {
    const first = this.#outbox.first;
    if (!first || this.#underWay || this.#stopped) return;
    const { id } = first;
    const controller = new AbortController();
    this.#underWay = { id, controller };
    let isInDoubt = false; // an attempt was lost on its way, so the server may have it
    const make = () => {
      const item = this.#outbox.get(id) ?? first; // It may have been edited since.
      if (this.#clock.now() - item.at > MAX_WAIT) {
        throw new RoomcastError("expired", "It has waited for too long to be sent safely. Send it again.");
      }
      isInDoubt ||= Boolean(this.#outbox.get(id)?.tried);
      this.#outbox.markTried(id);
      return write(this.#room, item);
    };
    const onDelay = (/** @type {RoomcastError} */ error) => {
      if (error.code === "rate_limited" && !isInDoubt) this.#outbox.markTried(id, false);
      this.#onDelay(first, error);
    };
    this.#request(make, controller.signal, onDelay).then(
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

  /** @param {string} id - of an item that must not be sent @param {RoomcastError} error */
  fail(id, error) {
    this.#finish(id, error);
  }

  /**
   * @param {RoomcastError} error - rejects every pending and later item
   * @param {{keepRestored: boolean}} options - `keepRestored`: keep the items from before a reload, for a later page
   *   that can send them
   */
  stop(error, { keepRestored }) {
    this.#stopped = error;
    for (const { id } of this.pending) if (!keepRestored || this.#deferred.has(id)) this.#finish(id, error);
    for (const { reject } of this.#deferred.values()) reject(error); // Another user's; they stay in the storage.
    this.#deferred.clear();
    this.#outbox.close();
  }

  /** @template Result @param {Promise<Result>} promise */
  #quietly(promise) {
    promise.catch(() => {}); // A caller that listens to `failed` need not handle each promise.
    return promise;
  }

  /**
   * @param {Item} item @param {boolean} [replaces] - the one with its id
   * @returns {Promise<Ack>}
   */
  async #enqueue(item, replaces = false) {
    const { id } = item;
    if (this.#stopped || replaces || !this.#outbox.get(id)) {
      try {
        this.#check(item);
        this.#outbox.put(item);
      } catch (failure) {
        await null; // The event must not come before this call returns.
        const error = failure instanceof RoomcastError ? failure
          : new RoomcastError("invalid_message", "The message cannot be written as JSON. Check its `data`.");
        if (!replaces) this.#onResult(item, error);
        throw error;
      }
    }
    const deferred = this.#deferred.get(id) ?? defer();
    this.#deferred.set(id, deferred);
    this.start();
    return deferred.promise;
  }

  /** Reject what the server would not even reply to. @param {Item} item @throws {RoomcastError} */
  #check(item) {
    if (this.#stopped) throw this.#stopped;
    if (!REF.test(item.id)) {
      throw new RoomcastError("invalid_ref", "A ref must be 1 to 128 printable ASCII characters.");
    }
    if (item.action !== "send" && item.seq === undefined && item.ref === undefined) {
      throw new RoomcastError("invalid_message", "There is no such message, or not any more.");
    }
    if (bytesOf(write(this.#room, item).frame) > MAX_FRAME_BYTES) {
      throw new RoomcastError("message_too_large", `A message with its data must fit into ${MAX_FRAME_BYTES} bytes.`);
    }
  }

  /** @param {string} id @param {Ack | RoomcastError} result */
  #finish(id, result) {
    const isError = result instanceof RoomcastError;
    const item = this.#outbox.remove(id, isError ? undefined : { seq: result.seq, epoch: this.#epoch() });
    if (!item) return;
    if (this.#underWay?.id === id) {
      this.#underWay.controller.abort();
      this.#underWay = null;
    }
    if (!isError && item.action === "send") this.#remember(id, result.seq);
    const deferred = this.#deferred.get(id);
    this.#deferred.delete(id);
    if (isError) deferred?.reject(result);
    else deferred?.resolve(result);
    this.#onResult(item, result);
    // Changes of a message that was not sent are not, either.
    if (isError) for (const { id: change } of this.pending.filter(({ ref }) => ref === id)) this.#finish(change, result);
    this.start();
  }

  /** @param {string} id @param {number} seq */
  #remember(id, seq) {
    this.#stored.set(id, seq);
    const [oldest] = this.#stored.keys();
    if (oldest !== undefined && this.#stored.size > MAX_STORED) this.#stored.delete(oldest);
  }
}
