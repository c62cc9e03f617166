/**
 * A person who may not write or not enter for a time.
 *
 * @typedef {object} Restriction
 * @property {string} user
 * @property {string} name
 * @property {Date | null} mutedUntil - by this computer's clock; null if they are not muted, as far as it is known
 * @property {Date | null} bannedUntil
 */

/**
 * The mutes and bans of one room that were made while this page was in it. The server tells no earlier ones: so a moderator
 * can end any, whatever is known here.
 */
export class Restrictions {
  /** @type {Map<string, Restriction>} by user */
  #known = new Map();
  #nameOf;

  /** @param {import("../../../roomcast.js").Room} room @param {(user: string) => string} nameOf */
  constructor(room, nameOf) {
    this.#nameOf = nameOf;
    room.addEventListener("moderated", ({ detail: { action, user, expiresIn = 0 } }) => {
      if (user === undefined || (action !== "mute" && action !== "ban")) return;
      const until = expiresIn > 0 ? new Date(Date.now() + expiresIn * 1000) : null;
      const { mutedUntil = null, bannedUntil = null } = this.#known.get(user) ?? {};
      const name = this.#nameOf(user);
      this.#known.set(user, { user, name, mutedUntil, bannedUntil, [action === "mute" ? "mutedUntil" : "bannedUntil"]: until });
    });
  }

  /** Those that hold now. @returns {Restriction[]} */
  get inForce() {
    const now = new Date();
    const left = (/** @type {Date | null} */ until) => (until && until > now ? until : null);
    return [...this.#known.values()]
      .map((each) => ({ ...each, mutedUntil: left(each.mutedUntil), bannedUntil: left(each.bannedUntil) }))
      .filter(({ mutedUntil, bannedUntil }) => mutedUntil || bannedUntil);
  }
}
