import { randomId } from "./random-id.js";
import { Refusal } from "./refusal.js";

/**
 * The wire form of version 1. No other module knows how a frame is written.
 *
 * @typedef {object} Message
 * @property {number} seq - its place in the room's order, from 1
 * @property {string} id - the ref that it was sent with
 * @property {string} user - who sent it, for good
 * @property {string} name - what its sender calls themselves
 * @property {string} message
 * @property {unknown} [data] - whatever JSON the sender put beside the text
 * @property {string} at - when the server took it, ISO 8601
 *
 * @typedef {Pick<Message, "seq" | "id" | "at">} Ack
 * @typedef {{messages: Message[], voids: number[]}} Run - a void is a seq that holds no message
 * @typedef {Run & {more: boolean, begins: number | undefined}} Page
 * @typedef {{seq: number, page: Page | null}} Joined - `seq` is the room's newest, 0 where nobody has spoken
 *
 * @typedef {{type: "reply", ref: string | null, fields: Fields}} ReplyFrame
 * @typedef {{type: "refusal", ref: string | null, refusal: Refusal}} RefusalFrame
 * @typedef {{type: "messages", room: string, run: Run}} MessagesFrame
 * @typedef {{type: "bye", code: string, retry: boolean}} ByeFrame
 * @typedef {{type: "trouble"}} TroubleFrame - API Gateway's own: some frame of ours failed, it does not say which
 * @typedef {ReplyFrame | RefusalFrame | MessagesFrame | ByeFrame | TroubleFrame} Frame
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
    case "messages":
      return typeof fields.room === "string" && Array.isArray(fields.messages)
        ? { type: "messages", room: fields.room, run: readRun(fields) }
        : null;
    case "bye":
      return { type: "bye", code: String(fields.code), retry: fields.retry !== false };
    case undefined:
      return typeof fields?.message === "string" ? { type: "trouble" } : null;
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

/** @param {Fields} fields @returns {ReplyFrame | RefusalFrame} */
function readReply(fields) {
  const ref = typeof fields.ref === "string" ? fields.ref : null;
  if (fields.status === "ok") return { type: "reply", ref, fields };
  const { code, detail, retry_after: retryAfter } = fields;
  const refusal = new Refusal(
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
  return seq === 0 || isSeq(seq) ? { seq, page: readPage(reply) } : null;
}

/** @param {Fields} reply @returns {Page | null} */
function readPage(reply) {
  if (!Array.isArray(reply.messages)) return null;
  const begins = isSeq(reply.begins) ? reply.begins : undefined;
  return { ...readRun(reply), more: reply.more === true, begins };
}

/** @param {Fields} reply @returns {Map<string, number> | null} the newest seq of each room */
function readPong({ pong, seqs }) {
  if (pong !== true) return null;
  return new Map(Object.entries(seqs ?? {}).filter(([, seq]) => seq === 0 || isSeq(seq)));
}

/** @param {Fields} fields @returns {Run} */
function readRun({ messages, voids }) {
  return {
    messages: /** @type {unknown[]} */ (messages).filter(isMessage),
    voids: Array.isArray(voids) ? voids.filter(isSeq) : [],
  };
}

/** @param {unknown} value @returns {value is Message} */
function isMessage(value) {
  if (value === null || typeof value !== "object") return false;
  const { seq, ...texts } = /** @type {Fields} */ (value);
  return isSeq(seq) && ["id", "user", "name", "message", "at"].every((field) => typeof texts[field] === "string");
}

/** @param {unknown} value @returns {value is number} */
const isSeq = (value) => typeof value === "number" && Number.isSafeInteger(value) && value > 0;
