import { RoomcastError } from "../protocol/error.js";

/**
 * @typedef {import("../protocol/frames.js").RulesFields} RulesFields
 * @typedef {import("../protocol/frames.js").Moderated} Moderated
 *
 * @typedef {object} Rules - what holds for this client's user in a room
 * @property {boolean} mayWrite - false if a message would be answered with `forbidden` now
 * @property {boolean} locked - only moderators can write
 * @property {number} slowMode - seconds that a user waits between two messages; 0 without slow mode
 * @property {Date | null} mutedUntil - by this computer's clock as it was when the mute came, to be shown; null if the
 *   user is not muted
 * @property {boolean} readOnly - the user's token does not allow to write here
 * @property {boolean} moderator - locks, slow mode and mutes do not apply to this user
 */

/** Keeps the rules of one room for this client's user: from the reply to each join, then from what moderators do. */
export class RoomRules {
  /** @type {Rules | undefined} until the room is joined */
  current = undefined;
  /** How many actions of moderators have come. */
  changes = 0;
  /** @type {any} */
  #timer = null;
  #muteEndsAt = 0; // of the clock's `elapsed`: the user may set the other one
  #onChange;
  #onBan;
  #clock;

  /**
   * @param {{onChange: (rules: Rules) => void, onBan: (error: RoomcastError) => void,
   *   clock: import("../transport/clock.js").Clock}} tools
   */
  constructor({ onChange, onBan, clock }) {
    this.#onChange = onChange;
    this.#onBan = onBan;
    this.#clock = clock;
  }

  /**
   * @param {RulesFields} fields - of the reply to a join
   * @param {number} changes - when the join was sent; if more have come since, the reply may be older
   */
  onJoined({ mutedFor, ...fields }, changes) {
    if (changes === this.changes || !this.current) this.#set({ ...fields, mutedUntil: this.#mute(mutedFor) });
  }

  /** @param {Moderated} moderated @param {string | undefined} me - this client's user */
  onModerated(moderated, me) {
    const { action, moderator, user, until, locked = false, seconds = 0, expiresIn = 0 } = moderated;
    this.changes++;
    if (!this.current) return;
    if (action === "lock") this.#set({ ...this.current, locked });
    if (action === "slow_mode") this.#set({ ...this.current, slowMode: seconds });
    if (user !== me) return;
    if (action === "mute") this.#set({ ...this.current, mutedUntil: this.#mute(expiresIn) });
    if (action !== "ban" || expiresIn === 0) return;
    this.#onBan(new RoomcastError("banned", `${moderator} has banned you from this room until ${until}.`));
  }

  /** Stop for good. */
  stop() {
    this.#clock.clearTimeout(this.#timer);
  }

  /** @param {number} seconds @returns {Date | null} when the mute ends */
  #mute(seconds) {
    this.#muteEndsAt = this.#clock.elapsed() + seconds * 1000;
    return seconds > 0 ? new Date(this.#clock.now() + seconds * 1000) : null;
  }

  /** @param {Omit<Rules, "mayWrite">} rules */
  #set(rules) {
    const { locked, mutedUntil, readOnly, moderator } = rules;
    const mayWrite = !readOnly && (moderator || (!locked && !mutedUntil));
    const isNew = JSON.stringify({ ...rules, mayWrite }) !== JSON.stringify(this.current);
    this.current = { ...rules, mayWrite };
    this.#clock.clearTimeout(this.#timer);
    if (mutedUntil) this.#timer = this.#clock.setTimeout(() => this.#onTime(), this.#muteEndsAt - this.#clock.elapsed());
    if (isNew) this.#onChange(this.current);
  }

  /** A mute may have ended; a timer is shorter than a long one. */
  #onTime() {
    const { mutedUntil = null, ...rules } = this.current ?? {};
    if (!mutedUntil) return;
    const isOver = this.#muteEndsAt <= this.#clock.elapsed();
    this.#set(/** @type {Rules} */ ({ ...rules, mutedUntil: isOver ? null : mutedUntil }));
  }
}
