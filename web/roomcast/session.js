import { Membership } from "./membership.js";
import { Outbox } from "./outbox.js";
import { Reader } from "./reader.js";
import { Refusal } from "./refusal.js";
import { Sender } from "./sender.js";

/**
 * @typedef {import("./frames.js").Run} Run
 * @typedef {import("./link.js").Link} Link
 * @typedef {import("./membership.js").Mark} Mark
 * @typedef {import("./room.js").RoomEvents} RoomEvents
 * @typedef {object} Options
 * @property {number} history - how many earlier messages to begin with
 * @property {(event: Event) => void} dispatch
 * @property {(told: Promise<void>) => void} left - `told`: when the server knows it
 * @property {import("./clock.js").Clock} clock
 * @property {() => number} random
 * @property {import("./outbox.js").Store | null} storage
 * @property {string} key - of the outbox in the storage
 */

/** One room, from the inside: its membership, its reader and its sender, and the order in which they tell of things. */
export class Session {
  /** @type {import("./membership.js").MembershipState} */
  state = "joining";
  #ready = () => {};
  #refused = (/** @type {Refusal} */ _) => {};
  /** Resolves at the first join, before the first event; rejects with the Refusal of it. @type {Promise<void>} */
  ready = new Promise((resolve, reject) => {
    this.#ready = resolve;
    this.#refused = reject;
  });
  /** @type {Event[] | null} what happened before anybody could listen; null as soon as somebody can */
  #untold = [];
  /** Whether its join was ever granted. */
  wasJoined = false;
  /** @type {Run[]} heard before the join on the present link was answered: it may be of another log */
  #early = [];
  #options;
  #membership;
  #sender;
  #reader;

  /** @param {string} name @param {Options} options */
  constructor(name, options) {
    /** @readonly */
    this.name = name;
    this.#options = options;
    const { clock, random, storage, key } = options;
    /** @type {import("./membership.js").Owner} */
    const owner = {
      mark: () => this.#reader.mark,
      joined: (joined, mark) => this.#joined(joined, mark),
      away: () => this.#enter("joining"),
      left: (refusal, told) => this.#left(refusal, told),
    };
    this.#membership = new Membership(name, owner, { clock, random });
    this.#sender = new Sender(name, new Outbox(storage, key), {
      ask: (make, signal) => this.#membership.ask(make, signal),
      settled: (id, outcome) => this.#settled(id, outcome),
      clock,
    });
    this.#reader = this.#newReader();
    /** When something of this room was last heard. */
    this.heardAt = clock.now();
  }

  get pending() {
    return this.#sender.pending;
  }

  /** @param {string} message @param {{data?: unknown, ref?: string}} options */
  send(message, options) {
    return this.#sender.send(message, options);
  }

  /** @param {{before?: number, limit?: number}} range */
  history(range) {
    return this.#reader.older(range);
  }

  leave() {
    return this.#membership.leave();
  }

  /** @param {Refusal} refusal */
  end(refusal) {
    this.#membership.end(refusal);
  }

  /** @param {Link} link @returns {Promise<void>} when the room is joined there, or cannot be */
  resume(link) {
    this.#early = [];
    return this.#membership.resume(link);
  }

  /** @param {Link} link */
  lose(link) {
    this.#membership.lose(link);
  }

  /** @param {Link} link */
  isOn(link) {
    return this.#membership.link === link;
  }

  /** @param {Run} run */
  hear(run) {
    this.heardAt = this.#options.clock.now();
    if (this.#membership.link) this.#reader.hear(run);
    else this.#early.push(run);
  }

  /** What a ping was told of this room on that link. @param {number | undefined} seq @param {Link} link */
  check(seq, link) {
    this.heardAt = this.#options.clock.now();
    if (seq === undefined) this.#membership.stray(link);
    else this.#reader.raise(seq);
  }

  /** @param {import("./frames.js").Joined} joined @param {Mark} mark */
  #joined(joined, mark) {
    this.heardAt = this.#options.clock.now();
    this.#enter("joined");
    this.wasJoined = true;
    this.#ready();
    // A task later, so that whoever awaits the join can add listeners first.
    if (this.#untold) this.#options.clock.setTimeout(() => this.#tellAll(), 0);
    // A head is read when the join is written, so it counts all that was known before: a lower one is another log's.
    if (joined.seq < mark.head) this.#beginAnew();
    this.#reader.resume(joined, mark);
    for (const run of this.#early.splice(0)) this.#reader.hear(run);
    this.#sender.start();
  }

  #beginAnew() {
    this.#reader.stop();
    this.#reader = this.#newReader();
    this.#tell("reset", {});
  }

  /** @param {Refusal} refusal @param {Promise<void>} told */
  #left(refusal, told) {
    this.#reader.stop();
    this.#options.left(told);
    this.#refused(refusal);
    // What waited for a room that could not be joined stays in the storage, for a visit that can.
    if (this.wasJoined) this.#sender.stop(refusal);
    this.#enter("left", refusal.code);
  }

  /** @param {string} id @param {import("./frames.js").Ack | Refusal} outcome */
  #settled(id, outcome) {
    if (outcome instanceof Refusal) {
      return this.#tell("refused", { id, code: outcome.code, detail: outcome.message });
    }
    this.#reader.raise(outcome.seq);
    this.#tell("sent", outcome);
  }

  /** @param {import("./ledger.js").Release} release */
  #released({ type, detail }) {
    if (type === "message") this.#sender.acknowledge(detail);
    this.#tell(type, detail);
  }

  #newReader() {
    const { history, clock, random } = this.#options;
    return new Reader(this.name, history, {
      ask: (make) => this.#membership.ask(make),
      release: (release) => this.#released(release),
      clock,
      random,
    });
  }

  /** @param {import("./membership.js").MembershipState} state @param {string} [code] */
  #enter(state, code) {
    if (state === this.state) return;
    this.state = state;
    this.#tell("state", code === undefined ? { state } : { state, code });
  }

  /** @template {keyof RoomEvents} Type @param {Type} type @param {RoomEvents[Type]} detail */
  #tell(type, detail) {
    const event = new CustomEvent(type, { detail });
    if (this.#untold) this.#untold.push(event);
    else this.#options.dispatch(event);
  }

  #tellAll() {
    // What a listener causes comes after what had happened before.
    for (let event; (event = this.#untold?.shift()); ) this.#options.dispatch(event);
    this.#untold = null;
  }
}
