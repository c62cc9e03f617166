import { defer } from "../deferred.js";
import { EventQueue } from "./event-queue.js";
import { Membership } from "./membership.js";
import { reactions } from "../protocol/frames.js";
import { PresenceTracker } from "./presence.js";
import { RoomcastError } from "../protocol/error.js";
import { RoomLog } from "./log/room-log.js";
import { RoomRules } from "./rules.js";
import { Subscription } from "./subscriptions/subscription.js";
import { Typing } from "./typing.js";
import { Writer } from "./sending/writer.js";

/**
 * @typedef {import("../protocol/frames.js").RoomFrame} RoomFrame
 * @typedef {import("../protocol/frames.js").RoomPong} RoomPong
 * @typedef {import("../transport/socket.js").Socket} Socket
 * @typedef {import("./membership.js").Position} Position
 * @typedef {object} Options
 * @property {number} history - how many earlier messages to begin with
 * @property {(event: Event) => void} dispatch
 * @property {(acknowledged: Promise<void>) => void} onLeft - `acknowledged` resolves when the server knows it
 * @property {import("./subscriptions/requests.js").Ask} ask - a request that needs no membership
 * @property {import("./subscriptions/subscription.js").Watcher} watcher
 * @property {(action: string, error: RoomcastError) => void} onError - the server does not do `action`
 * @property {import("../transport/clock.js").Clock} clock
 * @property {() => number} random
 * @property {import("../transport/browser.js").Store | null} storage
 * @property {import("./sending/tab-lock.js").TabLock | null} tab - if tabs share the storage
 * @property {(owner: string) => string} keyOf - the key of an owner's outbox in the storage
 * @property {string | null} owner - of the token or the client id; null if it is not known yet
 */

/** The state behind one Room: membership, log, writer, presence and typing, and the order of their events. */
export class Session {
  /** @type {import("./membership.js").MembershipState} */
  state = "joining";
  /** @type {import("../deferred.js").Deferred<void>} */
  #ready = defer();
  /** Resolves at the first join, before the first event; rejects with its RoomcastError. */
  ready = this.#ready.promise;
  /** True after the first successful join. */
  wasJoined = false;
  /** The user that this client is to the server. @type {import("../protocol/frames.js").Person | undefined} */
  me = undefined;
  /** @type {RoomFrame[]} from before the reply to the join on this socket: they may be of another log */
  #earlyFrames = [];
  #options;
  #events;
  #membership;
  #log;
  #typing;

  /** @param {string} name @param {Options} options */
  constructor(name, options) {
    /** @readonly */
    this.name = name;
    this.#options = options;
    this.#events = new EventQueue(options.dispatch, options.clock);
    const { history, clock, random, storage, keyOf, tab, owner } = options;
    /** @type {import("./membership.js").Callbacks} */
    const callbacks = {
      position: () => ({ ...this.#log.position, changes: this.rules.changes }),
      onJoined: (reply, position) => this.#onJoined(reply, position),
      onAway: () => this.#enter("joining"),
      onLeft: (error, acknowledged) => this.#onLeft(error, acknowledged),
      onError: (error) => this.#report("leave", error),
    };
    this.#membership = new Membership(name, callbacks, { clock, random });
    this.#log = new RoomLog(name, history, {
      request: (make) => this.#membership.request(make),
      release: (event) => this.#onRelease(event),
      onOtherLog: () => this.#membership.joinAgain(),
      onError: (error) => this.#report("history", error),
    }, { clock, random });
    /** @readonly */
    this.writer = new Writer(name, {
      request: (make, signal, onDelay) => this.#membership.request(make, signal, onDelay),
      me: () => this.me,
      log: this.#log,
      emit: (type, detail) => this.#events.emit(type, detail),
      onRestored: () => options.dispatch(new CustomEvent("restored", { detail: {} })), // Offline, too: no log tells it.
      clock, storage, keyOf, tab,
    });
    this.writer.identify(owner);
    /** @readonly */
    this.presence = new PresenceTracker(name, {
      request: (make, signal) => this.#membership.request(make, signal),
      onUpdate: (update) => this.#events.emit("presence", update),
      onError: (error) => this.#report("presence", error),
      clock, random,
    });
    /** @readonly */
    this.rules = new RoomRules({
      onChange: (rules) => this.#events.emit("rules", rules),
      onBan: (error) => this.#membership.end(error),
      clock,
    });
    const { ask, watcher } = options;
    /** @readonly */
    this.subscription = new Subscription(name, {
      askAsMember: (make, signal) => this.#membership.request(make, signal),
      position: () => this.#log.position,
      user: () => this.me?.user,
      ask, watcher, clock,
    });
    this.#typing = new Typing(name, {
      onChange: (typing) => this.#events.emit("typing", typing),
      onError: (error, socket) => this.#onTypingError(error, socket),
      clock,
    });
  }

  /** When the server last showed that it sends us what happens in this room: its messages, and who joins and leaves. */
  get lastActivityAt() {
    return Math.min(this.#log.checks.lastActivityAt, this.presence.lastCheckedAt);
  }

  /** When the server is to be asked for the room. @param {import("./pinger.js").Periods} periods */
  dueAt(periods) {
    return Math.min(this.#log.checks.dueAt(periods), this.presence.dueAt(periods));
  }

  /** Another token or client id is about to connect. @param {string | null} owner - null if only the server can tell */
  identify(owner) {
    // While the room is joined, messages are sent as the user who joined it.
    if (!this.#membership.socket) this.writer.identify(owner);
  }

  /** The newest seq of the room that is known. */
  get head() {
    return this.#log.position.head;
  }

  /** @param {{before?: number, after?: number, limit?: number}} range */
  async history({ before, after, limit }) {
    const log = this.#log;
    const { messages, ...rest } = await (after === undefined ? log.older({ before, limit }) : log.newer({ after, limit }));
    return { messages: messages.map((message) => this.writer.view(message)), ...rest };
  }

  /** @param {number} seq @returns {Promise<import("../protocol/entries.js").Message | null>} it as its user sees it */
  async message(seq) {
    const message = await this.#log.find(seq);
    return message && this.writer.view(message);
  }

  /** Return who has reacted to a message, page by page. @param {number} seq */
  async *reactions(seq) {
    /** @type {import("../protocol/entries.js").PersonsReaction | undefined} */
    let last;
    for (let more = true; more; ) {
      const after = last && { reaction: last.reaction, user: last.user };
      const page = await this.request(() => reactions(this.name, seq, after));
      yield* page.people;
      [last, more] = [page.people.at(-1), page.more];
    }
  }

  /** Send that this user is typing, unless the room is above the presence limit: it broadcasts no typing. */
  sendTyping() {
    const { socket } = this.#membership;
    if (socket && !this.presence.current?.approximate) this.#typing.send(socket);
  }

  /**
   * @template Result @param {() => import("../protocol/frames.js").Request<Result>} make - called at each attempt
   * @returns {Promise<Result>} rejects with a RoomcastError
   */
  request(make) {
    return this.#membership.request(make);
  }

  leave() {
    return this.#membership.leave();
  }

  /** @param {RoomcastError} error */
  end(error) {
    this.#membership.end(error);
  }

  /** @param {Socket} socket @returns {Promise<void>} when the room is joined on it, or cannot be */
  resume(socket) {
    this.#earlyFrames = [];
    return this.#membership.resume(socket);
  }

  /** @param {Socket} socket */
  onClose(socket) {
    this.#membership.onClose(socket);
  }

  /** @param {Socket} socket */
  isOn(socket) {
    return this.#membership.socket === socket;
  }

  /** @param {RoomFrame} frame @param {Socket} socket */
  onFrame(frame, socket) {
    if (frame.type === "presence") { // Only one socket's are in order. A join on another requests the list again.
      if (this.isOn(socket)) this.presence.onFrame(frame);
    } else if (frame.type === "typing") {
      this.#typing.onTyping(frame.person);
    } else if (frame.type === "read") {
      this.#events.emit("read", { ...frame.person, seq: frame.seq });
    } else if (this.#membership.socket) {
      this.#process(frame);
    } else {
      this.#earlyFrames.push(frame);
    }
  }

  /** @param {RoomPong | undefined} pong - undefined: not a member @param {Socket} socket */
  onPong(pong, socket) {
    if (!pong || !this.#log.onPong(pong)) return this.#membership.joinAgain(socket);
    if (pong.count && this.isOn(socket)) this.presence.onCount(pong.count);
  }

  /** @param {import("../protocol/frames.js").JoinReply} reply @param {Position} position */
  #onJoined(reply, position) {
    this.me = reply.me ?? this.me;
    this.writer.identify(this.#membership.socket?.owner ?? null, this.me?.user);
    this.#enter("joined");
    this.rules.onJoined(reply.rules, position.changes);
    this.wasJoined = true;
    this.#ready.resolve();
    this.#events.start();
    this.#log.onJoined(reply, position);
    this.presence.resume();
    for (const frame of this.#earlyFrames.splice(0)) this.#process(frame);
    this.writer.start();
  }

  /** @param {RoomFrame} frame */
  #process(frame) {
    switch (frame.type) {
      case "messages":
        return this.#log.onRun(frame); // Other frames do not prove that messages come through.
      case "moderated":
        return this.#applyModeration(frame.moderated);
    }
  }

  /** @param {import("../protocol/frames.js").Moderated} moderated */
  #applyModeration(moderated) {
    this.#events.emit("moderated", moderated);
    if (moderated.action === "slow_mode") this.#membership.retryNow(); // It may have ended.
    this.rules.onModerated(moderated, this.me?.user);
  }

  /** @param {RoomcastError} error @param {Promise<void>} acknowledged */
  #onLeft(error, acknowledged) {
    this.#log.stop();
    this.presence.stop(error);
    this.#typing.stop();
    this.rules.stop();
    this.#options.onLeft(acknowledged);
    this.#ready.reject(error);
    this.writer.stop(error, { keepRestored: !this.wasJoined });
    this.#enter("left", error.code);
    this.#events.start();
  }

  /** @param {Parameters<import("./log/room-log.js").Callbacks["release"]>[0]} event */
  #onRelease(event) {
    this.subscription.onRelease(event);
    switch (event.type) {
      case "message":
        this.writer.onMessage(event.detail);
        this.#typing.end(event.detail.user);
        return this.#events.emit("message", this.writer.view(event.detail));
      case "changed":
      case "reactions":
        return this.#events.emit(event.type, this.writer.view(event.detail));
      default:
        return this.#events.emit(event.type, event.detail);
    }
  }

  /** @param {import("./membership.js").MembershipState} state @param {string} [code] */
  #enter(state, code) {
    if (state === this.state) return;
    this.state = state;
    this.#events.emit("state", code === undefined ? { state } : { state, code });
  }

  /** @param {RoomcastError} error @param {Socket} socket */
  #onTypingError(error, socket) {
    if (error.code === "not_a_member") this.#membership.joinAgain(socket);
    else if (error.code !== "rate_limited") this.#report("typing", error); // Else another tab of the user types, too.
  }

  /** The server does not do `action`, which no promise tells. @param {string} action @param {unknown} error */
  #report(action, error) {
    if (!(error instanceof RoomcastError)) throw error;
    if (this.state !== "left" || action === "leave") this.#options.onError(action, error);
  }
}
