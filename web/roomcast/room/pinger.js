import { MAX_COUNTED, MAX_PING_ROOMS, ping } from "../protocol/frames.js";
import { Heartbeat } from "../transport/heartbeat.js";
import { RoomcastError } from "../protocol/error.js";
import { SocketClosed } from "../transport/socket.js";

/**
 * In milliseconds, each from its first number to its second: at random, so that the members of a room, who all heard
 * the same last message, do not all ask at once. A room is asked for `soon` after something has happened in it, and
 * rarely if it is quiet: API Gateway closes a socket after ten minutes without a message, and a hidden page's timers
 * are up to a minute late.
 */
export const PING = /** @type {const} */ ({ soon: [120_000, 150_000], rare: [480_000, 525_000] });

/**
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("../transport/socket.js").Socket} Socket
 * @typedef {{soon: number, rare: number}} Periods - milliseconds without activity, in a room and in a quiet one
 */

/**
 * Keeps the newest socket open, and asks how far the log of each silent room has come, and how many people are in it if
 * they are shown: nothing else shows that the last frames were missed.
 */
export class Pinger {
  #period;
  /** @type {Periods} */
  #periods;
  #heartbeat;
  #socket;
  #sessions;
  #onError;
  #clock;
  #random;

  /**
   * @param {number | undefined} period - milliseconds, instead of those of PING
   * @param {{socket: () => Socket | null, sessions: () => Session[], onWake: () => void,
   *   onError: (error: RoomcastError) => void, clock: import("../transport/clock.js").Clock,
   *   random: () => number}} tools - `onWake`: the device has slept
   */
  constructor(period, { socket, sessions, onWake, onError, clock, random }) {
    this.#period = period;
    this.#socket = socket;
    this.#sessions = sessions;
    this.#onError = onError;
    this.#clock = clock;
    this.#random = random;
    this.#periods = this.#newPeriods();
    /** @type {number} */
    const shortest = period ?? PING.soon[0];
    const beat = () => this.ping(shortest);
    this.#heartbeat = new Heartbeat(shortest, { dueAt: () => this.#dueAt, beat, onWake, clock });
  }

  start() {
    this.#heartbeat.start();
  }

  stop() {
    this.#heartbeat.stop();
  }

  /** @param {number} silence - milliseconds: ask for the rooms that have been silent for so long */
  async ping(silence) {
    const socket = this.#socket();
    if (!socket) return;
    this.#periods = this.#newPeriods();
    const since = this.#clock.elapsed() - silence;
    const silent = this.#sessionsOn(socket).filter(({ lastActivityAt }) => lastActivityAt <= since);
    let asked = 0;
    do {
      const part = silent.slice(asked, (asked += MAX_PING_ROOMS));
      const watched = part.filter(({ presence }) => presence.isWatched)
        .sort((one, other) => one.presence.lastCheckedAt - other.presence.lastCheckedAt).slice(0, MAX_COUNTED);
      try {
        const heads = await socket.request(ping(namesOf(part), namesOf(watched)));
        for (const session of part) session.onPong(heads.get(session.name), socket);
      } catch (error) {
        if (error instanceof SocketClosed) return; // The connection replaces it.
        if (!(error instanceof RoomcastError)) throw error;
        this.#onError(error); // The next ping follows.
      }
    } while (asked < silent.length);
  }

  /** @returns {Periods} */
  #newPeriods() {
    if (this.#period !== undefined) return { soon: this.#period, rare: this.#period };
    return { soon: this.#between(...PING.soon), rare: this.#between(...PING.rare) };
  }

  /** @param {number} least @param {number} most */
  #between(least, most) {
    return least + this.#random() * (most - least);
  }

  get #dueAt() {
    const socket = this.#socket();
    if (!socket) return Infinity;
    const rooms = this.#sessionsOn(socket).map((session) => session.dueAt(this.#periods));
    return Math.min(socket.lastActivityAt + this.#periods.rare, ...rooms);
  }

  /** @param {Socket} socket */
  #sessionsOn(socket) {
    return this.#sessions().filter((session) => session.isOn(socket));
  }
}

/** @param {Session[]} sessions */
const namesOf = (sessions) => sessions.map(({ name }) => name);
