import { randomId } from "./random-id.js";
import { RoomcastError } from "./error.js";

/**
 * The wire form of version 1. No other module knows how a frame is written.
 *
 * @typedef {object} Message
 * @property {number} seq - its place in the room's order, from 1
 * @property {string} id - the ref that it was sent with
 * @property {string} user - who sent it, for good
 * @property {string} name - what its sender calls themselves
 * @property {string} message - empty if it is deleted
 * @property {unknown} [data] - whatever JSON the sender put beside the text
 * @property {string} at - when the server took it, ISO 8601
 * @property {boolean} [deleted] - by a moderator
 *
 * @typedef {object} Moderated - what a moderator has done
 * @property {string} action - `ban`, `mute`, `slow`, `close`, or what a later server has
 * @property {string} moderator - the moderator's name
 * @property {string} [user] - who is banned or mute
 * @property {string} [until] - when that ends, ISO 8601; what does not lie ahead has ended
 * @property {number} [seconds] - how long a ban or a mute lasts, or everybody waits between two messages; 0 ends it
 * @property {boolean} [locked] - whether nobody can write
 *
 * @typedef {{user: string, name: string}} Person - `user` is for good, `name` is what they call themselves
 * @typedef {Pick<Message, "seq" | "id" | "at">} Ack
 * @typedef {{messages: Message[], skipped: number[]}} Run - a void is a seq that holds no message
 * @typedef {Run & {more: boolean, firstSeq: number | undefined}} Page
 * @typedef {{seq: number, page: Page | null, me: Person | undefined}} Joined - `seq` is the room's newest, 0 where
 *   nobody has spoken; `me` is as whom one speaks
 * @typedef {{members: Person[], count: number, approximate: boolean, more: boolean}} Present - of a crowd the number is
 *   approximate, and nobody is named
 *
 * @typedef {{type: "reply", ref: string | null, fields: Fields}} ReplyFrame
 * @typedef {{type: "refusal", ref: string | null, refusal: RoomcastError}} ErrorFrame
 * @typedef {{type: "messages", room: string, run: Run}} MessagesFrame
 * @typedef {{type: "presence", room: string, joined: Person[], left: Person[], count: number}} PresenceFrame
 * @typedef {{type: "typing", room: string, person: Person}} TypingFrame
 * @typedef {{type: "changed", room: string, messages: Message[]}} ChangedFrame
 * @typedef {{type: "moderated", room: string, moderated: Moderated}} ModeratedFrame
 * @typedef {MessagesFrame | PresenceFrame | TypingFrame | ChangedFrame | ModeratedFrame} RoomFrame
 * @typedef {{type: "disconnect", code: string, reconnect: boolean}} DisconnectFrame
 * @typedef {{type: "trouble"}} TroubleFrame - API Gateway's own: some frame of ours failed, it does not say which
 * @typedef {ReplyFrame | ErrorFrame | RoomFrame | DisconnectFrame | TroubleFrame} Frame
 * @typedef {Record<string, unknown>} Fields
 */

/**
 * @template Answer
 * @typedef {{ref: string, frame: string, read: (reply: Fields) => Answer | null}} Request - `read` gives null for a
 *   reply that is malformed
 */

export const SUBPROTOCOL = "roomcast.v1";
/** Bytes; for a larger frame API Gateway closes the socket (code 1009). */
export const LARGEST_FRAME = 32 * 1024;
/** Places in a page, at most. */
export const LARGEST_PAGE = 200;
/** What the server takes as a ref (it takes more than ASCII; there is no need for it). */
export const REF = /^[\x20-\x7e]{1,128}$/;

/** @param {string} text */
export const bytesOf = (text) => new TextEncoder().encode(text).length;

/** @param {string} room @param {{id: string, message: string, data?: unknown}} content */
export const send = (room, { id, message, data }) => request({ action: "send", room, message, data }, readAck, id);

/** @param {string} room @param {number} [after] - asks for the messages after this one too */
export const join = (room, after) => request({ action: "join", room, after }, readJoined);

/** @param {string} room */
export const leave = (room) => request({ action: "leave", room }, () => true);

/** @param {string} room @param {{after: number, limit?: number} | {before: number, limit?: number}} range */
export const history = (room, range) => request({ action: "history", room, ...range }, readPage);

/** @param {string[]} rooms - whose newest seqs are asked for */
export const ping = (rooms) => request(rooms.length ? { action: "ping", rooms } : { action: "ping" }, readPong);

/** @param {string} room @param {string} [after] - a user: those after this one are asked for */
export const presence = (room, after) => request({ action: "presence", room, after }, readPresent);

/** @param {string} room */
export const typing = (room) => request({ action: "typing", room }, () => true);

/** What a moderator does: ban and mute are answered with when it ends. */
export const moderate = {
  /** @param {string} room @param {number} seq */
  delete: (room, seq) => request({ action: "delete", room, seq }, () => true),
  /** @param {string} room @param {string} user @param {number} seconds */
  ban: (room, user, seconds) => request({ action: "ban", room, user, seconds }, readUntil),
  /** @param {string} room @param {string} user @param {number} seconds */
  mute: (room, user, seconds) => request({ action: "mute", room, user, seconds }, readUntil),
  /** @param {string} room @param {number} seconds */
  slowMode: (room, seconds) => request({ action: "slow_mode", room, seconds }, () => true),
  /** @param {string} room @param {boolean} locked */
  lock: (room, locked) => request({ action: "lock", room, locked }, () => true),
};

/**
 * What the server said, or null for anything this client has no use for: a type that a later server invented, the
 * empty frame that API Gateway sends where a function returns no body, a frame that is malformed.
 *
 * @param {unknown} data - what a WebSocket's message event carries
 * @returns {Frame | null}
 */
export function parseFrame(data) {
  const fields = parseObject(data);
  switch (fields?.type) {
    case "reply":
      return readReply(fields);
    case "disconnect":
      return { type: "disconnect", code: String(fields.code), reconnect: fields.reconnect !== false };
    case undefined:
      return typeof fields?.message === "string" ? { type: "trouble" } : null;
    default:
      return fields && readRoomFrame(fields);
  }
}

/** @param {Fields} fields @returns {RoomFrame | null} */
function readRoomFrame(fields) {
  const { type, room, messages, count } = fields;
  if (typeof room !== "string") return null;
  switch (type) {
    case "messages":
      return Array.isArray(messages) ? { type, room, run: readRun(fields) } : null;
    case "changed":
      return Array.isArray(messages) ? { type, room, messages: messages.filter(isMessage) } : null;
    case "presence":
      if (!isCount(count)) return null;
      return { type, room, joined: readPeople(fields.joined), left: readPeople(fields.left), count };
    case "typing":
      return isPerson(fields) ? { type, room, person: readPerson(fields) } : null;
    case "moderated": {
      const moderated = readModerated(fields);
      return moderated && { type, room, moderated };
    }
    default:
      return null;
  }
}

/**
 * @template Answer
 * @param {Fields} fields @param {(reply: Fields) => Answer | null} read @param {string} [ref]
 * @returns {Request<Answer>}
 */
function request(fields, read, ref = randomId()) {
  return { ref, frame: JSON.stringify({ ...fields, ref }), read };
}

/** @param {unknown} data @returns {Fields | null} */
function parseObject(data) {
  if (typeof data !== "string") return null;
  try {
    const value = JSON.parse(data);
    return value !== null && typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

/** @param {Fields} fields @returns {ReplyFrame | ErrorFrame} */
function readReply(fields) {
  const ref = typeof fields.ref === "string" ? fields.ref : null;
  if (fields.status === "ok") return { type: "reply", ref, fields };
  const { code, detail, retry_after: retryAfter } = fields;
  const refusal = new RoomcastError(
    String(code),
    typeof detail === "string" ? detail : "",
    typeof retryAfter === "number" && retryAfter >= 0 ? retryAfter : undefined,
  );
  return { type: "refusal", ref, refusal };
}

/** @param {Fields} reply @returns {Ack | null} */
function readAck({ seq, id, at }) {
  return isSeq(seq) && typeof id === "string" && typeof at === "string" ? { seq, id, at } : null;
}

/** @param {Fields} reply @returns {Joined | null} */
function readJoined(reply) {
  const { seq } = reply;
  const me = isPerson(reply) ? readPerson(reply) : undefined;
  return isCount(seq) ? { seq, page: readPage(reply), me } : null;
}

/** @param {Fields} reply @returns {Page | null} */
function readPage(reply) {
  if (!Array.isArray(reply.messages)) return null;
  const firstSeq = isSeq(reply.first_seq) ? reply.first_seq : undefined;
  return { ...readRun(reply), more: reply.more === true, firstSeq };
}

/** @param {Fields} reply @returns {Map<string, number> | null} the newest seq of each room */
function readPong({ pong, seqs }) {
  if (pong !== true) return null;
  return new Map(Object.entries(seqs ?? {}).filter(([, seq]) => isCount(seq)));
}

/** @param {Fields} reply @returns {Present | null} */
function readPresent({ members, count, approximate, more }) {
  if (!isCount(count)) return null;
  return { members: readPeople(members), count, approximate: approximate === true, more: more === true };
}

/** @param {Fields} reply @returns {{until: string} | null} */
function readUntil({ until }) {
  return typeof until === "string" ? { until } : null;
}

/** @param {Fields} fields @returns {Moderated | null} */
function readModerated({ action, moderator, user, until, seconds, locked }) {
  if (typeof action !== "string" || typeof moderator !== "string") return null;
  return {
    action,
    moderator,
    ...(typeof user === "string" && { user }),
    ...(typeof until === "string" && { until }),
    ...(isCount(seconds) && { seconds }),
    ...(typeof locked === "boolean" && { locked }),
  };
}

/** @param {unknown} value @returns {Person[]} */
function readPeople(value) {
  return Array.isArray(value) ? value.filter(isPerson).map(readPerson) : [];
}

/** @param {Person} fields @returns {Person} nothing but that */
const readPerson = ({ user, name }) => ({ user, name });

/** @param {any} value @returns {value is Person} */
const isPerson = (value) => typeof value?.user === "string" && typeof value.name === "string";

/** @param {Fields} fields @returns {Run} */
function readRun({ messages, skipped }) {
  return {
    messages: /** @type {unknown[]} */ (messages).filter(isMessage),
    skipped: Array.isArray(skipped) ? skipped.filter(isSeq) : [],
  };
}

/** @param {unknown} value @returns {value is Message} */
function isMessage(value) {
  if (value === null || typeof value !== "object") return false;
  const { seq, ...texts } = /** @type {Fields} */ (value);
  return isSeq(seq) && ["id", "user", "name", "message", "at"].every((field) => typeof texts[field] === "string");
}

/** @param {unknown} value @returns {value is number} */
const isCount = (value) => value === 0 || isSeq(value);

/** @param {unknown} value @returns {value is number} */
const isSeq = (value) => typeof value === "number" && Number.isSafeInteger(value) && value > 0;
