import { Backoff } from "../transport/backoff.js";
import { CheckSchedule } from "./check-schedule.js";
import { presence } from "../protocol/frames.js";

/**
 * In milliseconds. A person who leaves is shown for `grace` longer, because a page reload leaves and joins again. If
 * the list turns out to be wrong, it is requested again after a random part of `pause`: other clients probably missed
 * the same frame. The count of a room above the presence limit is requested every `large` per thousand connections, so
 * that a larger room does not send more requests. The first list of a room that has shrunk is requested again after
 * `settle`: until then the server sends no presence frames there.
 */
export const PRESENCE = { grace: 5_000, pause: 5_000, large: 60_000, settle: 60_000 };
/** Milliseconds between two requests for a list that stays wrong. */
const MAX_PAUSE = 60_000;

/**
 * @typedef {import("../protocol/frames.js").Person} Person
 * @typedef {import("../protocol/frames.js").Count} Count
 * @typedef {import("../protocol/frames.js").PresenceFrame} PresenceFrame
 * @typedef {import("../protocol/frames.js").PresenceReply} PresenceReply
 * @typedef {object} Presence - who is in a room
 * @property {ReadonlyMap<string, Person> | null} members - by user, each once; null above the presence limit
 * @property {number} count - the number of members; above the presence limit, about how many connections
 * @property {boolean} approximate - true above the presence limit
 * @typedef {Presence & {joined: Person[], left: Person[]}} PresenceUpdate - who is in a room, and who has joined and
 *   left since the last update
 */

/** Who is in one room, for as long as it is joined and somebody wants to know. */
export class PresenceTracker {
  isWatched = false; // somebody wants to know
  #checks = new CheckSchedule(-Infinity); // of the count
  /** @type {Map<string, Person> | null} by the server's list; null above the presence limit, and until it is known */
  #present = null;
  /** @type {Map<string, Person> | null} as shown: with those whose grace is not over */
  #shown = null;
  /** @type {number | null} connections, above the presence limit */
  #approximateCount = null;
  /** @type {Presence | null} in the last update */
  #reported = null;
  /** @type {Map<string, any>} timers of those whose grace is not over, by user */
  #leaving = new Map();
  /** @type {AbortController | null} of the request that is under way */
  #request = null;
  /** @type {PresenceFrame[]} that came during the request: its reply may be older */
  #bufferedFrames = [];
  /** @type {{resolve: (presence: Presence) => void, reject: (reason: unknown) => void}[]} */
  #waiting = [];
  /** @type {any} */
  #timer = null;
  #due = Infinity;
  #backoff;
  #name;
  #sendRequest;
  #onUpdate;
  #onError;
  #clock;
  #random;

  /**
   * @param {string} name - of the room
   * @param {{request: (make: () => import("../protocol/frames.js").Request<any>, signal: AbortSignal) => Promise<any>,
   *   onUpdate: (update: PresenceUpdate) => void, onError: (error: unknown) => void,
   *   clock: import("../transport/clock.js").Clock, random: () => number}} tools - `onError`: the list stays unknown,
   *   and nobody waits for it
   */
  constructor(name, { request, onUpdate, onError, clock, random }) {
    this.#name = name;
    this.#sendRequest = request;
    this.#onUpdate = onUpdate;
    this.#onError = onError;
    this.#clock = clock;
    this.#random = random;
    this.#backoff = new Backoff(random, { first: PRESENCE.pause, max: MAX_PAUSE });
  }

  /** @returns {Presence | null} null until it is known */
  get current() {
    if (this.#shown) return { members: this.#shown, count: this.#shown.size, approximate: false };
    return this.#approximateCount === null ? null : { members: null, count: this.#approximateCount, approximate: true };
  }

  /** When the server last said how many there are; Infinity if nobody wants to know. */
  get lastCheckedAt() {
    return this.isWatched ? this.#checks.lastActivityAt : Infinity;
  }

  /** When to ask for the count; Infinity if nobody wants to know. @param {import("./pinger.js").Periods} periods */
  dueAt(periods) {
    return this.isWatched ? this.#checks.dueAt(periods) : Infinity;
  }

  /** Keep the list up to date from now on. */
  watch() {
    if (this.isWatched) return;
    this.isWatched = true;
    this.#refresh();
  }

  /** @returns {Promise<Presence>} as soon as it is known; rejects with the RoomcastError of its request */
  whenKnown() {
    const { current } = this;
    if (current) return Promise.resolve(current);
    const known = new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    if (this.isWatched && !this.#request) this.#refresh();
    this.watch();
    return known;
  }

  /** The room was joined again, or on another socket: frames may have been missed. */
  resume() {
    if (this.isWatched) this.#refresh();
  }

  /** @param {PresenceFrame} frame - in the server's order, from the socket that the room is joined on */
  onFrame(frame) {
    if (!this.isWatched) return;
    if (this.#request) return void this.#bufferedFrames.push(frame);
    this.#apply(frame);
    this.#compareCount(frame.count);
  }

  /**
   * The reply to a ping: nothing else shows that the last frame of a room was missed. @param {Count} count
   */
  onCount({ count, approximate }) {
    if (!this.isWatched || this.#request) return;
    if (approximate) this.#growAbove(count);
    this.#compareCount(count);
    this.#checks.onAnswer(this.#clock.elapsed(), approximate || this.#present?.size === count);
  }

  /** Stop for good. @param {unknown} reason - rejects the promises that still wait */
  stop(reason) {
    this.isWatched = false;
    this.#request?.abort();
    this.#request = null;
    this.#clock.clearTimeout(this.#timer);
    this.#cancelLeaves();
    this.#settleWaiting(({ reject }) => reject(reason));
  }

  async #refresh() {
    this.#request?.abort();
    const request = (this.#request = new AbortController());
    this.#bufferedFrames = [];
    this.#clock.clearTimeout(this.#timer);
    this.#due = Infinity;
    /** @type {unknown} */
    let failure = null;
    const list = await this.#fetchAll(request.signal).catch((error) => void (failure = error));
    if (request !== this.#request) return; // A newer request has replaced this one.
    this.#request = null;
    if (list) this.#load(list);
    else if (this.#waiting.length === 0) this.#onError(failure);
    else this.#settleWaiting(({ reject }) => reject(failure));
  }

  /** @param {AbortSignal} signal */
  async #fetchAll(signal) {
    /** @type {Map<string, Person>} */
    const present = new Map();
    /** @type {string | undefined} */
    let after;
    for (;;) {
      /** @type {PresenceReply} */
      const page = await this.#sendRequest(() => presence(this.#name, after), signal);
      for (const person of page.members) present.set(person.user, person);
      const last = page.members.at(-1)?.user;
      if (!page.more || last === undefined || last === after) return { ...page, present };
      after = last;
    }
  }

  /** @param {PresenceReply & {present: Map<string, Person>}} list */
  #load({ present, count, approximate }) {
    const hasShrunk = this.#approximateCount !== null && !approximate;
    this.#present = approximate ? null : present;
    this.#approximateCount = approximate ? count : null;
    for (const frame of this.#bufferedFrames.splice(0)) {
      this.#apply(frame);
      count = frame.count;
    }
    this.#compareCount(count);
    if (hasShrunk) this.#refreshWithin(PRESENCE.settle * (1 + this.#random() / 2));
    const { current } = this;
    if (current) this.#settleWaiting(({ resolve }) => resolve(current));
  }

  /** Forget the list. @param {number} count - about how many connections */
  #growAbove(count) {
    this.#present = null;
    this.#approximateCount = count;
  }

  /** @param {PresenceFrame} frame */
  #apply({ joined, left, count, approximate }) {
    if (approximate) return this.#growAbove(count);
    for (const { user } of left) this.#present?.delete(user);
    for (const person of joined) this.#present?.set(person.user, person);
  }

  /** Plan the next request: soon, if the list does not have the server's count. @param {number} count */
  #compareCount(count) {
    this.#checks.onActivity(this.#clock.elapsed());
    const spread = 1 + this.#random() / 2;
    if (this.#present?.size === count) {
      this.#backoff.reset();
    } else if (this.#approximateCount === count) {
      this.#refreshWithin(PRESENCE.large * Math.max(1, count / 1_000) * spread);
    } else {
      this.#refreshWithin(this.#backoff.next());
    }
    this.#updateShown();
  }

  /** @param {number} delay - unless an earlier request is planned */
  #refreshWithin(delay) {
    const due = this.#clock.elapsed() + delay;
    if (due >= this.#due) return;
    this.#due = due;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(() => this.#refresh(), delay);
  }

  /** Bring what is shown up to date with the server's list. */
  #updateShown() {
    /** @type {Person[]} */
    const joined = [];
    let isRenamed = false;
    if (this.#present && this.#shown) {
      for (const [user, person] of this.#present) {
        const known = this.#shown.get(user);
        if (!known) joined.push(person);
        isRenamed ||= known?.name !== person.name;
        this.#shown.set(user, person);
        this.#cancelLeave(user);
      }
      for (const [user, person] of this.#shown) if (!this.#present.has(user)) this.#scheduleLeave(person);
    } else {
      this.#cancelLeaves();
      this.#shown = this.#present && new Map(this.#present);
    }
    const { count, approximate } = this.current ?? {};
    const hasChanged = count !== this.#reported?.count || approximate !== this.#reported?.approximate;
    if (hasChanged || isRenamed) this.#report({ joined });
  }

  /** @param {{joined?: Person[], left?: Person[]}} moves */
  #report({ joined = [], left = [] }) {
    const { current } = this;
    if (!current) return;
    this.#reported = current;
    this.#onUpdate({ ...current, joined, left });
  }

  /** @param {string} user */
  #cancelLeave(user) {
    this.#clock.clearTimeout(this.#leaving.get(user));
    this.#leaving.delete(user);
  }

  #cancelLeaves() {
    for (const user of [...this.#leaving.keys()]) this.#cancelLeave(user);
  }

  /** @param {Person} person */
  #scheduleLeave(person) {
    const { user } = person;
    if (this.#leaving.has(user)) return;
    const timer = this.#clock.setTimeout(() => {
      this.#leaving.delete(user);
      this.#shown?.delete(user);
      this.#report({ left: [person] });
    }, PRESENCE.grace);
    this.#leaving.set(user, timer);
  }

  /** @param {(waiting: {resolve: (presence: Presence) => void, reject: (reason: unknown) => void}) => void} settle */
  #settleWaiting(settle) {
    this.#waiting.splice(0).forEach(settle);
  }
}
