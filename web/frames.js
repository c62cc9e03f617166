/**
 * The wire form of version 1, as far as this client speaks it. No other module knows how a frame is written.
 *
 * @typedef {{seq: number, id: string, user: string, name: string, message: string, at: string}} Message
 * @typedef {{seq: number, id: string, at: string}} Ack
 * @typedef {{type: "messages", room: string, messages: Message[]}} MessagesFrame
 * @typedef {{type: "ack", ref: string, ack: Ack}} AckFrame
 * @typedef {{type: "refusal", ref: string, code: string, detail: string}} RefusalFrame
 * @typedef {{type: "pong", ref: string}} PongFrame
 * @typedef {{type: "bye", code: string, retry: boolean}} ByeFrame
 * @typedef {MessagesFrame | AckFrame | RefusalFrame | PongFrame | ByeFrame} Frame
 */

export const SUBPROTOCOL = "roomcast.v1";

/** The longest message, in code points (what the server counts), not in UTF-16 units (what `length` counts). */
export const LONGEST_MESSAGE = 4000;

/** @param {string} ref @param {string} room @param {string} message */
export const sendFrame = (ref, room, message) => JSON.stringify({ action: "send", ref, room, message });

/** @param {string} ref */
export const pingFrame = (ref) => JSON.stringify({ action: "ping", ref });

/**
 * What the server said, or null for anything this client has no use for: a type that a later server invented, the
 * empty frame that API Gateway sends when a function returns no body, and API Gateway's own error frames, which have
 * no type (`{"message": "Internal server error", "connectionId": …}`).
 *
 * @param {unknown} data - what a WebSocket's message event carries
 * @returns {Frame | null}
 */
export function parseFrame(data) {
  const frame = parseObject(data);
  switch (frame?.type) {
    case "reply":
      if (typeof frame.ref !== "string") return null;
      if (frame.status !== "ok") return parseRefusal(frame.ref, frame);
      return frame.pong === true ? { type: "pong", ref: frame.ref } : parseAck(frame.ref, frame);
    case "messages":
      if (typeof frame.room !== "string" || !Array.isArray(frame.messages)) return null;
      return { type: "messages", room: frame.room, messages: frame.messages.filter(isMessage) };
    case "bye":
      return { type: "bye", code: String(frame.code), retry: frame.retry !== false };
    default:
      return null;
  }
}

/** @param {unknown} data @returns {Record<string, unknown> | null} */
function parseObject(data) {
  if (typeof data !== "string") return null;
  try {
    const value = JSON.parse(data);
    return value !== null && typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

/** @param {string} ref @param {Record<string, unknown>} reply @returns {AckFrame | null} */
function parseAck(ref, { seq, id, at }) {
  if (!isSeq(seq) || typeof id !== "string" || typeof at !== "string") return null;
  return { type: "ack", ref, ack: { seq, id, at } };
}

/** @param {string} ref @param {Record<string, unknown>} reply @returns {RefusalFrame} */
function parseRefusal(ref, { code, detail }) {
  return { type: "refusal", ref, code: String(code), detail: typeof detail === "string" ? detail : "" };
}

/** @param {unknown} value @returns {value is Message} */
function isMessage(value) {
  if (value === null || typeof value !== "object") return false;
  const { seq, ...texts } = /** @type {Record<string, unknown>} */ (value);
  return isSeq(seq) && ["id", "user", "name", "message", "at"].every((field) => typeof texts[field] === "string");
}

/** @param {unknown} value @returns {value is number} */
const isSeq = (value) => typeof value === "number" && Number.isSafeInteger(value);
