import { explainAbsence, returnText } from "../../words/messages/errors.js";
import { moderationText } from "../../words/activity.js";

/** @typedef {{moderator: string, until: number}} Ban - `until`: in milliseconds since 1970 */

/** Codes of rooms that the user may not read: what was seen there is forgotten. */
const SHUT = new Set(["banned", "forbidden"]);

/** Why the user is not in a room. A ban outlives a reload, with its reason: the server does not tell it again. */
export class Absence {
  #code = "";
  #room;
  #memory;
  /** @type {Ban | null} */
  #ban;

  /** @param {string} room @param {import("./room-memory.js").RoomMemory} [memory] */
  constructor(room, memory) {
    this.#room = room;
    this.#memory = memory;
    this.#ban = memory?.ban(room) ?? null;
  }

  /** Sentences, as they are right now; empty while the user is in the room, or joining. */
  get reason() {
    if (!this.until) return this.#code && explainAbsence(this.#code);
    const { moderator = "", until = 0 } = this.#ban ?? {};
    const now = Date.now(); // The sentence tells the day, unless that is today.
    const sentence = moderationText({ action: "ban", moderator, expiresIn: (until - now) / 1000 }, "you", now);
    return sentence + returnText(until - now);
  }

  /** When the user may come back, in milliseconds since 1970; 0 if that is not known. */
  get until() {
    return SHUT.has(this.#code) ? (this.#ban?.until ?? 0) : 0;
  }

  /** The user was banned, or may come back. @param {import("../../../roomcast.js").Moderated} moderated */
  onBan({ moderator, seconds, expiresIn = 0 }) {
    this.#setBan(seconds === 0 ? null : { moderator, until: Date.now() + expiresIn * 1000 });
  }

  /** @param {string} code - why the user is not in the room */
  begin(code) {
    this.#code = code;
    if (SHUT.has(code)) this.#memory?.forget(this.#room);
  }

  /** The user is in the room. */
  end() {
    if (this.#ban) this.#setBan(null);
  }

  /** @param {Ban | null} ban */
  #setBan(ban) {
    this.#ban = ban;
    this.#memory?.setBan(this.#room, ban);
  }
}
