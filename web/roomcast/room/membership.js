import { Backoff } from "../transport/backoff.js";
import { join, leave } from "../protocol/frames.js";
import { LinkLost } from "../transport/socket.js";
import { RoomcastError } from "../protocol/error.js";

/** The longest delay of a timer, in milliseconds; a longer one would be over at once. */
const LONGEST_TIMER = 2 ** 31 - 1;
/** A random pause is at most this long, in milliseconds, between two tries of the same request. */
const LONGEST_PAUSE = 8_000;

/**
 * @typedef {import("../transport/socket.js").Link} Link
 * @typedef {import("../protocol/frames.js").Joined} Joined
 * @typedef {"joining" | "joined" | "left"} MembershipState
 * @typedef {{after: number | undefined, head: number}} Mark - how far one was when a join was asked for
 * @typedef {object} Owner
 * @property {() => Mark} mark
 * @property {(joined: Joined, mark: Mark) => void} joined - at every join that is answered
 * @property {() => void} away - the link is lost; it will be joined on another
 * @property {(refusal: RoomcastError, told: Promise<void>) => void} left - `told`: when the server knows it
 */

/** Being in one room, over links that come and go. */
export class Membership {
  /** @type {Link | null} the one that the room is joined on */
  #link = null;
  /** @type {Link | null} the newest that it is to be joined on */
  #target = null;
  /** @type {Promise<void> | null} */
  #joining = null;
  /** @type {RoomcastError | null} */
  #ended = null;
  /** @type {(() => void)[]} */
  #waiting = [];
  /** @type {Map<any, () => void>} by timer */
  #pauses = new Map();
  #name;
  #owner;
  #clock;
  #random;

  /**
   * @param {string} name @param {Owner} owner
   * @param {{clock: import("../transport/clock.js").Clock, random: () => number}} tools
   */
  constructor(name, owner, { clock, random }) {
    this.#name = name;
    this.#owner = owner;
    this.#clock = clock;
    this.#random = random;
  }

  get link() {
    return this.#link;
  }

  /** Joins the room on this link, and from the answer on uses it instead of any earlier. @param {Link} link */
  resume(link) {
    if (this.#joining && link === this.#target) return this.#joining;
    this.#target = link;
    const joining = this.#join(link).finally(() => {
      if (this.#joining === joining) this.#joining = null;
    });
    return (this.#joining = joining);
  }

  /** @param {Link} link - that is closed */
  lose(link) {
    if (link !== this.#link) return;
    this.#link = null;
    this.#owner.away();
  }

  /** The server says that the room is not joined on this link, as one may think. @param {Link} link */
  stray(link) {
    if (link !== this.#target || link !== this.#link) return;
    this.lose(link);
    this.resume(link);
  }

  /**
   * Asks on whichever link the room is joined on, and again on the next one when that is lost, and again after a pause
   * when it is refused for a while, until there is an answer.
   *
   * @template Answer
   * @param {() => import("../protocol/frames.js").Request<Answer>} make - called at each try
   * @param {AbortSignal} [signal] - makes it give up
   * @param {(refusal: RoomcastError) => void} [delayed] - told of each refusal for a while
   * @returns {Promise<Answer>}
   * @throws {RoomcastError} the server's, if it is for good, or the one that ended the membership
   */
  async ask(make, signal, delayed) {
    const backoff = this.#backoff();
    for (;;) {
      const link = await this.#present();
      signal?.throwIfAborted();
      try {
        return await link.ask(make(), signal);
      } catch (error) {
        if (error instanceof LinkLost) continue;
        if (!(error instanceof RoomcastError && error.temporary)) throw error;
        if (error.code === "not_a_member") this.stray(link);
        delayed?.(error);
        await this.#pause(error, backoff);
        signal?.throwIfAborted();
      }
    }
  }

  /** @returns {Promise<void>} when the server has been told, or need not be */
  leave() {
    const told = this.#tellLeft();
    this.end(new RoomcastError("left"), told);
    return told;
  }

  /**
   * Ends it here, whatever the server knows.
   *
   * @param {RoomcastError} refusal - for all that is asked now or later
   * @param {Promise<void>} [told] - when the server knows it
   */
  end(refusal, told = Promise.resolve()) {
    if (this.#ended) return;
    this.#ended = refusal;
    this.#link = null;
    this.hurry();
    this.#wake();
    this.#owner.left(refusal, told);
  }

  /** Waits no longer to ask again: what was refused for a while may be granted by now. */
  hurry() {
    for (const [timer, over] of this.#pauses) {
      this.#clock.clearTimeout(timer);
      over();
    }
  }

  async #tellLeft() {
    if (this.#ended) return;
    await this.#joining; // API Gateway runs frames concurrently: a leave must not overtake the join before it.
    await this.#target?.ask(leave(this.#name)).catch(() => {}); // A link that is lost has left its rooms.
  }

  /** @param {Link} link */
  async #join(link) {
    const backoff = this.#backoff();
    while (!this.#ended && link.isOpen && link === this.#target) {
      const mark = this.#owner.mark();
      try {
        const joined = await link.ask(join(this.#name, mark.after));
        // By now a newer link may be the one, where it is asked for too.
        if (!this.#ended && link.isOpen && link === this.#target) this.#arrive(link, joined, mark);
        return;
      } catch (error) {
        if (!(error instanceof RoomcastError)) return;
        if (!error.temporary) return this.end(error);
        await this.#pause(error, backoff);
      }
    }
  }

  /** @param {Link} link @param {Joined} joined @param {Mark} mark */
  #arrive(link, joined, mark) {
    this.#link = link;
    this.#owner.joined(joined, mark);
    this.#wake();
  }

  /** @returns {Promise<Link>} */
  async #present() {
    while (!this.#link && !this.#ended) await new Promise((resolve) => this.#waiting.push(() => resolve(null)));
    if (this.#ended) throw this.#ended;
    return /** @type {Link} */ (this.#link);
  }

  #wake() {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** @param {RoomcastError} refusal @param {Backoff} backoff @returns {Promise<void>} */
  #pause({ retryAfter }, backoff) {
    if (this.#ended) return Promise.resolve();
    const delay = Math.min((retryAfter ?? 0) * 1000 + backoff.next(), LONGEST_TIMER);
    return new Promise((resolve) => {
      const over = () => {
        this.#pauses.delete(timer);
        resolve();
      };
      const timer = this.#clock.setTimeout(over, delay);
      this.#pauses.set(timer, over);
    });
  }

  #backoff() {
    return new Backoff(this.#random, { longest: LONGEST_PAUSE });
  }
}
