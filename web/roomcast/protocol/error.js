/** Codes that depend on the moment, not on the request: after a pause or a new join it may succeed. */
const TEMPORARY = new Set(["internal", "rate_limited", "not_connected", "not_a_member"]);

/**
 * A request failed. `code` is the server's (see the protocol) or one of this library's own: `closed` (the chat is
 * closed), `left` (the room), `queue_full` (too many messages wait), `deleted` (the message was deleted before it was
 * sent), `expired` (the message waited too long to be sent safely), `banned` (from the room, by a moderator),
 * `token_failed` (the `token` function failed or took too long, or its token cannot be sent), `unreadable` (the reply is
 * not JSON to this client). `message` is a sentence for people.
 */
export class RoomcastError extends Error {
  /** @param {string} code @param {string} [detail] @param {number} [retryAfter] - seconds until it may succeed */
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
