import { readModerated } from "./moderated.js";
import { readReactions, readRun } from "./entries.js";
import { request } from "./request.js";
import { RoomcastError } from "./error.js";
import { isCount, isPerson, isSeq, readPeople, readPerson } from "./values.js";
import { readNotice, readReceipt } from "./subscriptions.js";

/**
 * The wire form of version 1, so that no other module knows how a frame is written.
 *
 * @typedef {import("./entries.js").Message} Message
 * @typedef {import("./entries.js").Run} Run
 * @typedef {import("./values.js").Person} Person
 *
 * @typedef {import("./moderated.js").Moderated} Moderated
 * @typedef {Pick<Message, "seq" | "id" | "at"> & {of?: number}} Ack - of a change: its own number, and in `of` the
 *   message's
 * @typedef {object} Content - what a user asks for: a message, or a change of one
 * @property {string} id - its ref
 * @property {"send" | "edit" | "delete" | "react"} action
 * @property {number} [seq] - of the message that is to change
 * @property {number} [replyTo] - the number of the message that this one answers
 * @property {string} [message] @property {unknown} [data] @property {string[]} [mentions]
 * @property {string} [reaction] @property {boolean} [on] - false: take the reaction back
 * @typedef {string | undefined} Epoch - tells a room's log from another one of the same room; undefined before the
 *   room's first message
 * @typedef {Run & {epoch: Epoch, more: boolean, firstSeq: number | undefined}} Page
 * @typedef {{seq: number, epoch: Epoch}} Head - `seq` is the room's newest, 0 in an empty room
 * @typedef {{locked: boolean, slowMode: number, mutedFor: number, readOnly: boolean, moderator: boolean}} RulesFields
 *   - `slowMode` and `mutedFor` in seconds; 0: none
 * @typedef {Head & {page: Page | null, me: Person | undefined, rules: RulesFields}} JoinReply - `me` is the user that
 *   this connection is to the server; `rules` hold for that user
 * @typedef {{count: number, approximate: boolean}} Count - of people; above the presence limit, of connections and
 *   approximate
 * @typedef {Head & {count?: Count}} RoomPong - `count`: if the ping has asked for it
 * @typedef {Count & {members: Person[], more: boolean}} PresenceReply - nobody is listed above the presence limit
 *
 * @typedef {{type: "reply", ref: string | null, fields: Fields, expiresIn: number | undefined}} ReplyFrame -
 *   `expiresIn`: seconds until the server ends the connection with its token
 * @typedef {{type: "error", ref: string | null, error: RoomcastError}} ErrorFrame
 * @typedef {{type: "messages", room: string, epoch: Epoch, run: Run}} MessagesFrame
 * @typedef {{type: "presence", room: string, joined: Person[], left: Person[]} & Count} PresenceFrame
 * @typedef {{type: "typing", room: string, person: Person}} TypingFrame
 * @typedef {{type: "moderated", room: string, moderated: Moderated}} ModeratedFrame
 * @typedef {import("./subscriptions.js").ReadFrame} ReadFrame
 * @typedef {import("./subscriptions.js").NoticeFrame} NoticeFrame
 * @typedef {MessagesFrame | PresenceFrame | TypingFrame | ModeratedFrame | ReadFrame} RoomFrame
 * @typedef {{type: "check"}} CheckFrame - the server asks for a sign of life
 * @typedef {{type: "disconnect", code: string, reconnect: boolean}} DisconnectFrame
 * @typedef {{type: "gateway_error"}} GatewayErrorFrame - from API Gateway: one of our frames failed, it does not say
 *   which
 * @typedef {ReplyFrame | ErrorFrame | RoomFrame | NoticeFrame | CheckFrame | DisconnectFrame | GatewayErrorFrame} Frame
 * @typedef {import("./request.js").Fields} Fields
 */

/**
 * @template Result
 * @typedef {import("./request.js").Request<Result>} Request
 */

export const SUBPROTOCOL = "roomcast.v1";
/** Bytes. API Gateway closes the socket of a larger frame (code 1009). */
export const MAX_FRAME_BYTES = 32 * 1024;
/** Rooms per ping, and those whose people are counted. */
export const MAX_PING_ROOMS = 64;
export const MAX_COUNTED = 8;
/** Entries per page. */
export const MAX_PAGE = 200;
/** A ref that the server accepts. It also accepts other characters, which nobody needs. */
export const REF = /^[\x20-\x7e]{1,128}$/;

/** @param {string} text */
export const bytesOf = (text) => new TextEncoder().encode(text).length;

/** Return the request to store a message or a change. @param {string} room @param {Content} content */
export const write = (room, { id, action, seq, message, data, replyTo, mentions, reaction, on }) => {
  const fields = { action, room, seq, message, data, reply_to: replyTo, mentions, reaction, on };
  return { ...request(fields, readAck, id), isMessage: true };
};

/**
 * @param {string} room
 * @param {{after?: number, epoch?: string}} [read] - `after`: a seq of the log `epoch`; if the room still has that log,
 *   the reply also holds the messages after it
 */
export const join = (room, { after, epoch } = {}) => {
  return request({ action: "join", room, after, epoch: after === undefined ? undefined : epoch }, readJoined);
};

/** @param {string} room */
export const leave = (room) => request({ action: "leave", room }, () => true);

/** @param {string} room @param {({after: number} | {before: number}) & {limit?: number, epoch?: string}} range */
export const history = (room, range) => request({ action: "history", room, ...range }, readPage);

/**
 * @param {string[]} rooms - the reply holds how far the log of each has come
 * @param {string[]} [counts] - those whose people are counted, too
 */
export const ping = (rooms, counts = []) =>
  request({ action: "ping", ...(rooms.length && { rooms }), ...(counts.length && { counts }) }, readPong);

/** @param {string} room @param {string} [after] - a user: the page begins after this one */
export const presence = (room, after) => request({ action: "presence", room, after }, readPresence);

/**
 * @param {string} room @param {number} seq - of a message
 * @param {{reaction: string, user: string}} [after] - the page begins after this one
 */
export const reactions = (room, seq, after) => request({ action: "reactions", room, seq, after }, readReactions);

/** @param {string} room */
export const typing = (room) => request({ action: "typing", room }, () => true);

/** The answer to a `check`. */
export const alive = () => request({ action: "alive" }, () => true);

/** The actions of a moderator. The replies to ban and mute say when they end. */
export const moderate = {
  /** @param {string} room @param {string} user @param {number} seconds */
  ban: (room, user, seconds) => request({ action: "ban", room, user, seconds }, readEnd),
  /** @param {string} room @param {string} user @param {number} seconds */
  mute: (room, user, seconds) => request({ action: "mute", room, user, seconds }, readEnd),
  /** @param {string} room @param {number} seconds */
  slowMode: (room, seconds) => request({ action: "slow_mode", room, seconds }, () => true),
  /** @param {string} room @param {boolean} locked */
  lock: (room, locked) => request({ action: "lock", room, locked }, () => true),
};

/**
 * Return a frame of the server. Null for a frame that this client ignores: one of a later server's type, a malformed
 * one, or the empty one that API Gateway sends if a function returns no body.
 *
 * @param {unknown} data - the data of a WebSocket's message event
 * @returns {Frame | null}
 */
export function parseFrame(data) {
  const fields = parseObject(data);
  if (!fields) return readUnreadable(data);
  switch (fields.type) {
    case "reply":
      return readReply(fields);
    case "check":
      return { type: "check" };
    case "disconnect":
      return { type: "disconnect", code: String(fields.code), reconnect: fields.reconnect !== false };
    case undefined:
      return typeof fields.message === "string" ? { type: "gateway_error" } : null;
    default:
      return readRoomFrame(fields);
  }
}

/** @param {Fields} fields @returns {RoomFrame | NoticeFrame | null} */
function readRoomFrame(fields) {
  const { type, room, messages } = fields;
  if (typeof room !== "string") return null;
  switch (type) {
    case "messages":
      return Array.isArray(messages) ? { type, room, epoch: readEpoch(fields), run: readRun(fields) } : null;
    case "presence": {
      const count = readCount(fields);
      return count && { type, room, joined: readPeople(fields.joined), left: readPeople(fields.left), ...count };
    }
    case "typing":
      return isPerson(fields) ? { type, room, person: readPerson(fields) } : null;
    case "moderated": {
      const moderated = readModerated(fields);
      return moderated && { type, room, moderated };
    }
    case "read":
      return readReceipt(fields);
    case "notice":
      return readNotice(fields);
    default:
      return null;
  }
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

/**
 * Return a reply that is not JSON to this client as an error: it is an answer, and the connection lives.
 *
 * @param {unknown} data @returns {ErrorFrame | null}
 */
function readUnreadable(data) {
  const ref = /^\{"type":"reply","ref":"([\x20-\x7e]{1,128}?)","/.exec(String(data))?.[1];
  if (ref === undefined) return null;
  return { type: "error", ref, error: new RoomcastError("unreadable", "The server's reply cannot be read.") };
}

/** @param {Fields} fields @returns {ReplyFrame | ErrorFrame} */
function readReply(fields) {
  const ref = typeof fields.ref === "string" ? fields.ref : null;
  const { expires_in: left, rules } = fields;
  const isJoin = rules !== undefined; // The reply to a ban or a mute says when that ends.
  const expiresIn = isJoin && isCount(left) ? left : undefined;
  if (fields.status === "ok") return { type: "reply", ref, fields, expiresIn };
  const { code, detail, retry_after: retryAfter } = fields;
  const error = new RoomcastError(
    String(code),
    typeof detail === "string" ? detail : "",
    typeof retryAfter === "number" && retryAfter >= 0 ? retryAfter : undefined,
  );
  return { type: "error", ref, error };
}

/** @param {Fields} reply @returns {Ack | null} */
function readAck({ seq, of, id, at }) {
  if (!isSeq(seq) || typeof id !== "string" || typeof at !== "string") return null;
  return { seq, id, at, ...(isSeq(of) && { of }) };
}

/** @param {Fields} reply @returns {JoinReply | null} */
function readJoined(reply) {
  const head = readHead(reply);
  const me = isPerson(reply) ? readPerson(reply) : undefined;
  return head && { ...head, page: readPage(reply), me, rules: readRules(reply.rules) };
}

/** @param {any} rules @returns {RulesFields} */
function readRules({ locked, slow_mode: slowMode, muted, read_only: readOnly, moderator } = {}) {
  return {
    locked: locked === true,
    slowMode: isCount(slowMode) ? slowMode : 0,
    mutedFor: isCount(muted?.expires_in) ? muted.expires_in : 0,
    readOnly: readOnly === true,
    moderator: moderator === true,
  };
}

/** @param {Fields} reply @returns {Page | null} */
function readPage(reply) {
  if (!Array.isArray(reply.messages)) return null;
  const firstSeq = isSeq(reply.first_seq) ? reply.first_seq : undefined;
  return { ...readRun(reply), epoch: readEpoch(reply), more: reply.more === true, firstSeq };
}

/** @param {Fields} reply @returns {Map<string, RoomPong> | null} by room */
function readPong({ pong, heads }) {
  if (pong !== true) return null;
  /** @type {Map<string, RoomPong>} */
  const byRoom = new Map();
  for (const [room, fields] of Object.entries(heads ?? {})) {
    const head = readHead(fields ?? {});
    const count = readCount(fields ?? {});
    if (head) byRoom.set(room, { ...head, ...(count && { count }) });
  }
  return byRoom;
}

/** @param {Fields} fields @returns {Head | null} */
function readHead(fields) {
  return isCount(fields.seq) ? { seq: fields.seq, epoch: readEpoch(fields) } : null;
}

/** @param {Fields} fields @returns {Epoch} */
const readEpoch = ({ epoch }) => (typeof epoch === "string" ? epoch : undefined);

/** @param {Fields} reply @returns {PresenceReply | null} */
function readPresence(reply) {
  const count = readCount(reply);
  return count && { members: readPeople(reply.members), ...count, more: reply.more === true };
}

/** @param {Fields} fields @returns {Count | null} */
function readCount({ count, approximate }) {
  return isCount(count) ? { count, approximate: approximate === true } : null;
}

/** @param {Fields} reply @returns {{until: string, expiresIn: number} | null} */
function readEnd({ until, expires_in: expiresIn }) {
  return typeof until === "string" && isCount(expiresIn) ? { until, expiresIn } : null;
}
