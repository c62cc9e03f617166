import { CheckSchedule } from "../check-schedule.js";
import { Reader } from "./reader.js";

/**
 * @typedef {import("../../protocol/frames.js").Epoch} Epoch
 * @typedef {import("../membership.js").LogPosition} Position
 * @typedef {object} Callbacks
 * @property {import("./reader.js").SendRequest} request
 * @property {(event: import("./reader.js").ReaderEvent | {type: "reset", detail: {}}) => void} release - `reset`: the
 *   room has another log, and what was released before is no part of it
 * @property {() => void} onOtherLog - the server may have another log: its reply to a join decides
 * @property {(error: unknown) => void} onError - the server does not give a page
 */

/**
 * How much later than other entries a reaction may be broadcast, in milliseconds: those of a storm wait for each other.
 * Without this, everybody who reacts would ask for the history.
 */
const REACTION_LAG = 2_000;

/** One room's log, over absences, and over another log that takes its place. */
export class RoomLog {
  #reader;
  #name;
  #history;
  #callbacks;
  #tools;

  /**
   * @param {string} name @param {number} history - how many earlier messages to begin with
   * @param {Callbacks} callbacks @param {{clock: import("../../transport/clock.js").Clock, random: () => number}} tools
   */
  constructor(name, history, callbacks, { clock, random }) {
    this.#name = name;
    this.#history = history;
    this.#callbacks = callbacks;
    this.#tools = { clock, random };
    this.#reader = this.#newReader();
    /** @readonly When the server is to be asked for the newest number. */
    this.checks = new CheckSchedule(clock.elapsed());
  }

  /** @returns {Position} */
  get position() {
    return this.#reader.position;
  }

  /** @param {import("../../protocol/frames.js").JoinReply} reply @param {Position} position - when the join was sent */
  onJoined(reply, position) {
    this.#noteActivity();
    if (!this.#reader.follows(reply, position)) this.#reset();
    this.#reader.resume(reply, position);
  }

  /** @param {{run: import("../../protocol/entries.js").Run, epoch: Epoch}} frame */
  onRun({ run, epoch }) {
    if (!this.#reader.isOf(epoch)) return this.#callbacks.onOtherLog();
    this.#noteActivity();
    this.#reader.onRun(run);
  }

  /**
   * @param {import("../../protocol/frames.js").Head} pong - the room's part of the reply to a ping
   * @returns {boolean} false if it is another log's
   */
  onPong({ seq, epoch }) {
    // A number below the head is older than a frame that came meanwhile: it does not show that this frame was the last.
    this.checks.onAnswer(this.#now, seq === this.position.head);
    if (!this.#reader.isOf(epoch)) return false;
    this.#reader.raiseHead(seq);
    return true;
  }

  /** @param {number} seq - of this user's message or change, which is stored @param {boolean} isReaction */
  onStored(seq, isReaction) {
    this.#noteActivity(); // Others may reply.
    this.#reader.raiseHead(seq, isReaction ? REACTION_LAG : 0);
  }

  /** @param {number} seq @returns {import("../../protocol/entries.js").Message | undefined} that message as it is now, if it was released */
  released(seq) {
    return this.#reader.released(seq);
  }

  /** @param {number} seq @returns {Promise<import("../../protocol/entries.js").Message | null>} as Reader.find */
  find(seq) {
    return this.#reader.find(seq);
  }

  /** @param {{before?: number, limit?: number}} range */
  older(range) {
    return this.#reader.older(range);
  }

  /** @param {{after: number, limit?: number}} range */
  newer(range) {
    return this.#reader.newer(range);
  }

  /** Stop for good. */
  stop() {
    this.#reader.stop();
  }

  get #now() {
    return this.#tools.clock.elapsed();
  }

  #noteActivity() {
    this.checks.onActivity(this.#now);
  }

  /** Read the room's new log, as a restored backup or a restart of the local engine begins one. */
  #reset() {
    this.#reader.stop();
    this.#reader = this.#newReader();
    this.#callbacks.release({ type: "reset", detail: {} });
  }

  #newReader() {
    return new Reader(this.#name, this.#history, { ...this.#callbacks, ...this.#tools });
  }
}
