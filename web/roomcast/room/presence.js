import { Backoff } from "../transport/backoff.js";
import { presence } from "../protocol/frames.js";

/**
 * In milliseconds. Who leaves is shown for `grace` longer: a page that is reloaded leaves and comes. Where the list
 * turns out to be wrong it is asked for after a random part of `pause`, as the others may have missed the same. Every
 * `refresh` it is asked for anyway: nothing else tells that the last frame was missed, or that a room has become a
 * crowd. A crowd is asked for every `crowd` for each thousand of it, so that a larger one does not ask more often.
 */
export const PRESENCE = { grace: 5_000, pause: 5_000, refresh: 5 * 60_000, crowd: 60_000 };

/**
 * @typedef {import("../protocol/frames.js").Person} Person
 * @typedef {import("../protocol/frames.js").PresenceFrame} PresenceFrame
 * @typedef {object} Presence - who is in a room
 * @property {ReadonlyMap<string, Person> | null} members - by user, each once; null of a crowd
 * @property {number} count - how many they are; of a crowd, about how many connections
 * @property {boolean} approximate - whether it is a crowd
 * @typedef {Presence & {joined: Person[], left: Person[]}} PresenceUpdate - the company, and who has come to it and gone since
 */

/** Who is in one room, for as long as it is joined and somebody wants to know. */
export class PresenceTracker {
  #isWatched = false;
  /** @type {Map<string, Person> | null} as the server has it; null of a crowd, and before it is known */
  #here = null;
  /** @type {Map<string, Person> | null} as it is shown: those too who have only just left */
  #shown = null;
  /** @type {number | null} connections */
  #crowd = null;
  /** @type {Presence | null} what was told last */
  #told = null;
  /** @type {Map<string, any>} timers of those who have only just left, by user */
  #leaving = new Map();
  /** @type {AbortController | null} the question that is under way */
  #asked = null;
  /** @type {PresenceFrame[]} heard since it was asked: the answer may be older */
  #meanwhile = [];
  /** @type {{resolve: (company: Presence) => void, reject: (reason: unknown) => void}[]} */
  #waiting = [];
  /** @type {any} */
  #timer = null;
  #due = Infinity;
  #backoff;
  #name;
  #ask;
  #moved;
  #clock;
  #random;

  /**
   * @param {string} name - of the room
   * @param {{ask: (make: () => import("../protocol/frames.js").Request<any>, signal: AbortSignal) => Promise<any>,
   *   moved: (moves: PresenceUpdate) => void, clock: import("../transport/clock.js").Clock, random: () => number}} tools
   */
  constructor(name, { ask, moved, clock, random }) {
    this.#name = name;
    this.#ask = ask;
    this.#moved = moved;
    this.#clock = clock;
    this.#random = random;
    this.#backoff = new Backoff(random, { first: PRESENCE.pause, longest: 60_000 });
  }

  /** @returns {Presence | null} as far as it is known */
  get company() {
    if (this.#shown) return { members: this.#shown, count: this.#shown.size, approximate: false };
    return this.#crowd === null ? null : { members: null, count: this.#crowd, approximate: true };
  }

  /** From now on somebody wants to know. */
  watch() {
    if (this.#isWatched) return;
    this.#isWatched = true;
    this.#question();
  }

  /** @returns {Promise<Presence>} as soon as it is known; rejects with the RoomcastError of it */
  known() {
    const { company } = this;
    if (company) return Promise.resolve(company);
    const known = new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    if (this.#isWatched && !this.#asked) this.#question();
    this.watch();
    return known;
  }

  /** The room is joined on another link, or anew: what was known may be wrong. */
  resume() {
    if (this.#isWatched) this.#question();
  }

  /** @param {PresenceFrame} frame - in the order in which the server told it, on the link that the room is joined on */
  hear(frame) {
    if (!this.#isWatched) return;
    if (this.#asked) return void this.#meanwhile.push(frame);
    this.#apply(frame);
    this.#check(frame.count);
  }

  /** For good. @param {unknown} reason - for whoever still waits to know */
  stop(reason) {
    this.#isWatched = false;
    this.#asked?.abort();
    this.#asked = null;
    this.#clock.clearTimeout(this.#timer);
    this.#forgive();
    this.#answer(({ reject }) => reject(reason));
  }

  async #question() {
    this.#asked?.abort();
    const asked = (this.#asked = new AbortController());
    this.#meanwhile = [];
    this.#clock.clearTimeout(this.#timer);
    this.#due = Infinity;
    /** @type {unknown} */
    let refusal = null;
    const answer = await this.#read(asked.signal).catch((error) => void (refusal = error));
    if (asked !== this.#asked) return; // It was asked anew meanwhile.
    this.#asked = null;
    if (answer) this.#learn(answer);
    else this.#answer(({ reject }) => reject(refusal));
  }

  /** @param {AbortSignal} signal */
  async #read(signal) {
    /** @type {Map<string, Person>} */
    const here = new Map();
    /** @type {string | undefined} */
    let after;
    for (;;) {
      /** @type {import("../protocol/frames.js").Present} */
      const page = await this.#ask(() => presence(this.#name, after), signal);
      for (const person of page.members) here.set(person.user, person);
      const last = page.members.at(-1)?.user;
      if (!page.more || last === undefined || last === after) return { ...page, here };
      after = last;
    }
  }

  /** @param {import("../protocol/frames.js").Present & {here: Map<string, Person>}} answer */
  #learn({ here, count, approximate }) {
    this.#here = approximate ? null : here;
    this.#crowd = approximate ? count : null;
    for (const frame of this.#meanwhile.splice(0)) {
      this.#apply(frame);
      count = frame.count;
    }
    this.#check(count);
    const { company } = this;
    if (company) this.#answer(({ resolve }) => resolve(company));
  }

  /** @param {PresenceFrame} frame */
  #apply({ joined, left }) {
    for (const { user } of left) this.#here?.delete(user);
    for (const person of joined) this.#here?.set(person.user, person);
  }

  /** @param {number} count - as the server has just told it */
  #check(count) {
    const rest = 1 + this.#random() / 2;
    if (this.#here?.size === count) {
      this.#backoff.reset();
      this.#askWithin(PRESENCE.refresh * rest);
    } else if (this.#crowd === count) {
      this.#askWithin(PRESENCE.crowd * Math.max(1, count / 1_000) * rest);
    } else {
      this.#askWithin(this.#backoff.next());
    }
    this.#show();
  }

  /** @param {number} delay - if it is not asked for sooner anyway */
  #askWithin(delay) {
    const due = this.#clock.now() + delay;
    if (due >= this.#due) return;
    this.#due = due;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(() => this.#question(), delay);
  }

  /** Has what is shown follow what is known. */
  #show() {
    /** @type {Person[]} */
    const joined = [];
    let renamed = false;
    if (this.#here && this.#shown) {
      for (const [user, person] of this.#here) {
        const known = this.#shown.get(user);
        if (!known) joined.push(person);
        renamed ||= known?.name !== person.name;
        this.#shown.set(user, person);
        this.#stay(user);
      }
      for (const [user, person] of this.#shown) if (!this.#here.has(user)) this.#sayGoodbye(person);
    } else {
      this.#forgive();
      this.#shown = this.#here && new Map(this.#here);
    }
    const { count, approximate } = this.company ?? {};
    const isNews = count !== this.#told?.count || approximate !== this.#told?.approximate;
    if (isNews || renamed) this.#tell({ joined });
  }

  /** @param {{joined?: Person[], left?: Person[]}} moves */
  #tell({ joined = [], left = [] }) {
    const { company } = this;
    if (!company) return;
    this.#told = company;
    this.#moved({ ...company, joined, left });
  }

  /** @param {string} user - who is here, or was not missed yet */
  #stay(user) {
    this.#clock.clearTimeout(this.#leaving.get(user));
    this.#leaving.delete(user);
  }

  #forgive() {
    for (const user of [...this.#leaving.keys()]) this.#stay(user);
  }

  /** @param {Person} person */
  #sayGoodbye(person) {
    const { user } = person;
    if (this.#leaving.has(user)) return;
    const timer = this.#clock.setTimeout(() => {
      this.#leaving.delete(user);
      this.#shown?.delete(user);
      this.#tell({ left: [person] });
    }, PRESENCE.grace);
    this.#leaving.set(user, timer);
  }

  /** @param {(waiting: {resolve: (company: Presence) => void, reject: (reason: unknown) => void}) => void} tell */
  #answer(tell) {
    this.#waiting.splice(0).forEach(tell);
  }
}
