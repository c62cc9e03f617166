import { explainModerationFailure } from "../../words/messages/errors.js";
import { moderationText } from "../../words/activity.js";
import { Restrictions } from "./restrictions.js";

/**
 * @typedef {{action: "mute" | "ban" | "slow_mode" | "lock", user?: string, seconds?: number, locked?: boolean}} Moderation -
 *   0 `seconds` end a mute, a ban or slow mode
 */

/** What moderators do in one room: this user, and others. */
export class RoomModeration {
  /** The moderator who muted the user; empty if that is not known, as after a reload. */
  mutedBy = "";
  #room;
  #people;
  #absence;
  #note;
  #restrictions;

  /**
   * @param {import("../../../roomcast.js").Room} room @param {import("../room/room-people.js").RoomPeople} people
   * @param {import("../rooms/absence.js").Absence} absence @param {(text: string | (() => string)) => void} note
   */
  constructor(room, people, absence, note) {
    this.#room = room;
    this.#people = people;
    this.#absence = absence;
    this.#note = note;
    this.#restrictions = new Restrictions(room, (user) => this.#nameOf(user));
    room.addEventListener("moderated", ({ detail: moderated }) => this.#onModerated(moderated));
  }

  /** The mutes and bans that hold now, as far as they are known here. */
  get inForce() {
    return this.#restrictions.inForce;
  }

  /** @param {Moderation} moderation */
  async act({ action, user = "", seconds = 0, locked = false }) {
    try {
      if (action === "slow_mode") await this.#room.setSlowMode(seconds);
      else if (action === "lock") await this.#room.lock(locked);
      else await this.#room[action](user, seconds);
    } catch (error) {
      this.#note(explainModerationFailure(/** @type {any} */ (error).code));
    }
  }

  /** @param {import("../../../roomcast.js").Moderated} moderated */
  #onModerated(moderated) {
    const { action, moderator, user = "" } = moderated;
    const isMe = user === this.#room.user;
    if (action === "ban" && isMe) return this.#absence.onBan(moderated); // Told where the field was.
    if (action === "mute" && isMe) this.mutedBy = moderator;
    const name = isMe ? "you" : this.#nameOf(user);
    const cameAt = Date.now();
    const sentence = () => moderationText(moderated, name, cameAt); // Tells the day from midnight on.
    if (sentence()) this.#note(sentence);
  }

  /** @param {string} user */
  #nameOf(user) {
    return this.#people.names.nameOf(user) ?? "somebody";
  }
}
