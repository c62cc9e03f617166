import { bytesOf, LARGEST_FRAME, REF, send } from "../protocol/frames.js";
import { randomId } from "../protocol/random-id.js";
import { RoomcastError } from "../protocol/error.js";

/** In milliseconds: the server knows a message again that is sent twice, for 24 hours. */
export const LONGEST_WAIT = 23 * 60 * 60_000;

/**
 * @typedef {import("../protocol/frames.js").Ack} Ack
 * @typedef {import("./outbox.js").Letter} Letter
 * @typedef {<Answer>(make: () => import("../protocol/frames.js").Request<Answer>, signal: AbortSignal,
 *   delayed: (refusal: RoomcastError) => void) => Promise<Answer>} Ask
 * @typedef {{promise: Promise<Ack>, resolve: (ack: Ack) => void, reject: (refusal: RoomcastError) => void}} Promised
 */

/**
 * Sends one's messages to one room, in order and one at a time: API Gateway runs a connection's frames concurrently,
 * and two that are under way may be stored in either order.
 */
export class Sender {
  /** @type {Map<string, Promised>} by id; a message from before a reload has none until somebody asks */
  #promised = new Map();
  /** @type {{id: string, given: AbortController} | null} */
  #underWay = null;
  /** @type {RoomcastError | null} */
  #stopped = null;
  #room;
  #outbox;
  #ask;
  #clock;
  #settled;
  #delayed;

  /**
   * @param {string} room @param {import("./outbox.js").Outbox} outbox
   * @param {{ask: Ask, clock: import("../transport/clock.js").Clock, settled: (id: string, outcome: Ack | RoomcastError) => void,
   *   delayed: (id: string, refusal: RoomcastError) => void}} tools
   */
  constructor(room, outbox, { ask, clock, settled, delayed }) {
    this.#room = room;
    this.#outbox = outbox;
    this.#ask = ask;
    this.#clock = clock;
    this.#settled = settled;
    this.#delayed = delayed;
  }

  /** @returns {readonly Letter[]} what is not acknowledged yet, the oldest first */
  get pending() {
    return this.#outbox.letters;
  }

  /**
   * @param {string} message @param {{data?: unknown, ref?: string}} options
   * @returns {Promise<Ack>} rejects with a RoomcastError
   */
  send(message, options) {
    const sent = this.#send(message, options);
    sent.catch(() => {}); // Whoever listens to events need not handle each promise.
    return sent;
  }

  /** Sends what waits. */
  start() {
    const letter = this.#outbox.first;
    if (!letter || this.#underWay || this.#stopped) return;
    const { id, at } = letter;
    const given = new AbortController();
    this.#underWay = { id, given };
    const make = () => {
      if (this.#clock.now() - at > LONGEST_WAIT) throw new RoomcastError("expired", "It waited for too long.");
      return send(this.#room, letter);
    };
    this.#ask(make, given.signal, (refusal) => this.#delayed(id, refusal)).then(
      (ack) => this.#settle(id, ack),
      (refusal) => refusal instanceof RoomcastError && this.#settle(id, refusal),
    );
  }

  /** The room's own copy of a message proves that it is stored, even when the reply was lost. @param {Ack} ack */
  acknowledge({ id, seq, at }) {
    this.#settle(id, { id, seq, at });
  }

  /**
   * @param {RoomcastError} refusal - of what is pending, and of all that is to be sent later
   * @param {{kept: boolean}} older - `kept`: what nobody has sent since a reload stays, for a visit that can send it
   */
  stop(refusal, { kept }) {
    this.#stopped = refusal;
    for (const { id } of this.pending) if (!kept || this.#promised.has(id)) this.#settle(id, refusal);
  }

  /** @param {string} message @param {{data?: unknown, ref?: string}} options */
  async #send(message, { data, ref = randomId() }) {
    if (this.#stopped || !this.#outbox.has(ref)) {
      const letter = { id: ref, message, data, at: this.#clock.now() };
      try {
        this.#check(letter);
        this.#outbox.add(letter);
      } catch (error) {
        await null; // The event must not come before this call returns.
        const refusal = error instanceof RoomcastError ? error : new RoomcastError("invalid_message", "It has no form in JSON.");
        this.#settled(ref, refusal);
        throw refusal;
      }
    }
    const promised = this.#promised.get(ref) ?? promise();
    this.#promised.set(ref, promised);
    this.start();
    return promised.promise;
  }

  /** What the server would not even answer is refused here. @param {Letter} letter @throws {RoomcastError} */
  #check(letter) {
    if (this.#stopped) throw this.#stopped;
    if (!REF.test(letter.id)) throw new RoomcastError("invalid_ref", "A ref is 1 to 128 printable ASCII characters.");
    if (bytesOf(send(this.#room, letter).frame) > LARGEST_FRAME) {
      throw new RoomcastError("message_too_large", `A message holds ${LARGEST_FRAME} bytes at most, all in all.`);
    }
  }

  /** @param {string} id @param {Ack | RoomcastError} outcome */
  #settle(id, outcome) {
    if (!this.#outbox.remove(id)) return;
    if (this.#underWay?.id === id) {
      this.#underWay.given.abort();
      this.#underWay = null;
    }
    const promised = this.#promised.get(id);
    this.#promised.delete(id);
    if (outcome instanceof RoomcastError) promised?.reject(outcome);
    else promised?.resolve(outcome);
    this.#settled(id, outcome);
    this.start();
  }
}

/** @returns {Promised} */
function promise() {
  /** @type {Partial<Promised>} */
  const parts = {};
  const promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return /** @type {Promised} */ ({ ...parts, promise });
}
