/** Codes that say nothing about what was asked: asked again, after a pause or a new join, it may well be granted. */
const TEMPORARY = new Set(["internal", "rate_limited", "not_connected", "not_a_member"]);

/**
 * What was asked is not done. `code` is the server's (see the protocol), or one of this library's own: `closed` (the
 * chat is closed), `left` (the room), `queue_full` (too many messages wait), `expired` (waited too long to be sent
 * safely), `banned` (out of the room, by a moderator). The message is for people.
 */
export class RoomcastError extends Error {
  /** @param {string} code @param {string} [detail] @param {number} [retryAfter] - seconds until it may be granted */
  constructor(code, detail = "", retryAfter = undefined) {
    super(detail || code);
    this.name = "RoomcastError";
    this.code = code;
    this.retryAfter = retryAfter;
  }

  get temporary() {
    return TEMPORARY.has(this.code) || this.retryAfter !== undefined;
  }
}
