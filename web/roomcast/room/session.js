import { Membership } from "./membership.js";
import { Outbox } from "./outbox.js";
import { PresenceTracker } from "./presence.js";
import { Reader } from "./reader.js";
import { RoomcastError } from "../protocol/error.js";
import { Sender } from "./sender.js";
import { Typing } from "./typing.js";

/** In milliseconds: after a longer one messages may have been deleted that are still shown. */
const ABSENCE = 30_000;

/**
 * @typedef {import("../protocol/frames.js").RoomFrame} RoomFrame
 * @typedef {import("../protocol/frames.js").Moderated} Moderated
 * @typedef {import("../transport/socket.js").Link} Link
 * @typedef {import("./membership.js").Mark} Mark
 * @typedef {import("./room.js").RoomEvents} RoomEvents
 * @typedef {object} Options
 * @property {number} history - how many earlier messages to begin with
 * @property {(event: Event) => void} dispatch
 * @property {(told: Promise<void>) => void} left - `told`: when the server knows it
 * @property {import("../transport/clock.js").Clock} clock
 * @property {() => number} random
 * @property {import("./outbox.js").Store | null} storage
 * @property {string} key - of the outbox in the storage
 */

/**
 * One room, from the inside: its membership, its reader and its sender, who is there and who is writing, and the order
 * in which they tell of things.
 */
export class Session {
  /** @type {import("./membership.js").MembershipState} */
  state = "joining";
  #ready = () => {};
  #refused = (/** @type {RoomcastError} */ _) => {};
  /** Resolves at the first join, before the first event; rejects with the RoomcastError of it. @type {Promise<void>} */
  ready = new Promise((resolve, reject) => {
    this.#ready = resolve;
    this.#refused = reject;
  });
  /** @type {Event[] | null} what happened before anybody could listen; null as soon as somebody can */
  #untold = [];
  /** Whether its join was ever granted. */
  wasJoined = false;
  /** As whom one speaks, once the server has told. @type {import("../protocol/frames.js").Person | undefined} */
  me = undefined;
  #awayAt = Infinity; // since when the room is not heard, if it was
  /** @type {RoomFrame[]} heard before the join on the present link was answered: it may be of another log */
  #early = [];
  #options;
  #membership;
  #sender;
  #reader;
  #typing;

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
      away: () => this.#away(),
      left: (refusal, told) => this.#left(refusal, told),
    };
    this.#membership = new Membership(name, owner, { clock, random });
    this.#sender = new Sender(name, new Outbox(storage, key), {
      ask: (make, signal, delayed) => this.#membership.ask(make, signal, delayed),
      settled: (id, outcome) => this.#settled(id, outcome),
      delayed: (id, { code, message, retryAfter }) => {
        if (retryAfter !== undefined) this.#tell("delayed", { id, code, detail: message, retryAfter });
      },
      clock,
    });
    this.#reader = this.#newReader();
    /** @readonly */
    this.presence = new PresenceTracker(name, {
      ask: (make, signal) => this.#membership.ask(make, signal),
      moved: (moves) => this.#tell("presence", moves),
      clock,
      random,
    });
    this.#typing = new Typing(name, { changed: (writing) => this.#tell("typing", writing), clock });
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

  /** Tells that one is writing, if somebody could hear it. */
  type() {
    const { link } = this.#membership;
    if (link && !this.presence.company?.approximate) this.#typing.tell(link);
  }

  /**
   * @template Answer
   * @param {() => import("../protocol/frames.js").Request<Answer>} make - called at each try
   * @returns {Promise<Answer>} rejects with a RoomcastError
   */
  ask(make) {
    return this.#membership.ask(make);
  }

  leave() {
    return this.#membership.leave();
  }

  /** @param {RoomcastError} refusal */
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

  /** @param {RoomFrame} frame @param {Link} link */
  hear(frame, link) {
    if (frame.type === "presence") {
      // In order on one link only; and where the room is being joined it will be asked for.
      if (this.isOn(link)) this.presence.hear(frame);
    } else if (frame.type === "typing") {
      this.#typing.hear(frame.person);
    } else if (this.#membership.link) {
      this.#learn(frame);
    } else {
      this.#early.push(frame);
    }
  }

  /** What a ping was told of this room on that link. @param {number | undefined} seq @param {Link} link */
  check(seq, link) {
    this.heardAt = this.#options.clock.now();
    if (seq === undefined) this.#membership.stray(link);
    else this.#reader.raise(seq);
  }

  /** @param {import("../protocol/frames.js").Joined} joined @param {Mark} mark */
  #joined(joined, mark) {
    this.heardAt = this.#options.clock.now();
    const absence = this.heardAt - this.#awayAt;
    this.#awayAt = Infinity;
    this.me = joined.me ?? this.me;
    this.#enter("joined");
    this.wasJoined = true;
    this.#ready();
    // A task later, so that whoever awaits the join can add listeners first.
    if (this.#untold) this.#options.clock.setTimeout(() => this.#tellAll(), 0);
    // A head is read when the join is written, so it counts all that was known before: a lower one is another log's.
    if (joined.seq < mark.head) this.#beginAnew();
    this.#reader.resume(joined, mark);
    if (absence > ABSENCE) this.#reader.review();
    this.presence.resume();
    for (const frame of this.#early.splice(0)) this.#learn(frame);
    this.#sender.start();
  }

  /** @param {RoomFrame} frame */
  #learn(frame) {
    switch (frame.type) {
      case "messages":
        this.heardAt = this.#options.clock.now(); // Nothing else proves that messages come through.
        return this.#reader.hear(frame.run);
      case "changed":
        return this.#reader.change(frame.messages);
      case "moderated":
        return this.#heed(frame.moderated);
    }
  }

  /** @param {Moderated} moderated */
  #heed(moderated) {
    const { action, moderator, user, until } = moderated;
    this.#tell("moderated", moderated);
    if (action === "slow_mode") this.#membership.hurry(); // It may have ended.
    if (action !== "ban" || user !== this.me?.user || !this.#liesAhead(moderated)) return;
    this.#membership.end(new RoomcastError("banned", `${moderator} has sent you out until ${until}.`));
  }

  /** @param {Moderated} moderated */
  #liesAhead({ seconds, until = "" }) {
    // Where the server says for how long, one need not trust this computer's clock.
    return seconds === undefined ? Date.parse(until) > this.#options.clock.now() : seconds > 0;
  }

  #away() {
    this.#awayAt = this.#options.clock.now();
    this.#enter("joining");
  }

  #beginAnew() {
    this.#reader.stop();
    this.#reader = this.#newReader();
    this.#tell("reset", {});
  }

  /** @param {RoomcastError} refusal @param {Promise<void>} told */
  #left(refusal, told) {
    this.#reader.stop();
    this.presence.stop(refusal);
    this.#typing.stop();
    this.#options.left(told);
    this.#refused(refusal);
    this.#sender.stop(refusal, { kept: !this.wasJoined });
    this.#enter("left", refusal.code);
    if (this.#untold) this.#options.clock.setTimeout(() => this.#tellAll(), 0);
  }

  /** @param {string} id @param {import("../protocol/frames.js").Ack | RoomcastError} outcome */
  #settled(id, outcome) {
    if (outcome instanceof RoomcastError) {
      return this.#tell("failed", { id, code: outcome.code, detail: outcome.message });
    }
    this.#reader.raise(outcome.seq);
    this.#tell("sent", outcome);
  }

  /** @param {import("./reader.js").News} news */
  #released({ type, detail }) {
    if (type === "message") this.#sender.acknowledge(detail);
    if (type === "message") this.#typing.end(detail.user);
    this.#tell(type, detail);
  }

  #newReader() {
    const { history, clock, random } = this.#options;
    return new Reader(this.name, history, {
      ask: (make) => this.#membership.ask(make),
      release: (news) => this.#released(news),
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
