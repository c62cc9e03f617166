import { isCount, isPerson, isSeq, readPerson } from "./values.js";
import { request } from "./request.js";

/**
 * A person's subscriptions on the wire: the requests for them, and what the server tells of them.
 *
 * @typedef {import("./values.js").Person} Person
 * @typedef {import("./request.js").Fields} Fields
 *
 * @typedef {object} Mark - how far a person has read a room
 * @property {number} read - the highest number that is read
 * @property {number} unread - how many messages follow it
 * @property {number} mentions - of the person in these; 100 means at least 100
 * @typedef {{seq: number, user: string, name: string, at: string}} Mention - the newest one that is unread
 * @typedef {Person & {seq: number, message: string, at: string, deleted?: boolean}} Newest - a room's newest message, with
 *   the beginning of its text; a deleted one has none
 * @typedef {Mark & {seq: number, muted: boolean, since: string, newest?: Newest, mention?: Mention}} Place - `seq`: up to
 *   this number of the room `unread` counts
 *
 * @typedef {{type: "notice", room: string, place: (Omit<Place, "seq" | "newest"> & {seq?: number}) | null}} NoticeFrame -
 *   a subscription of this client's user has changed; null: it has ended
 * @typedef {{type: "read", room: string, person: Person, seq: number}} ReadFrame - somebody has read the room up to `seq`
 */

/** @param {string} room @param {boolean} [muted] - undefined leaves it as it is */
export const subscribe = (room, muted) => request({ action: "subscribe", room, muted }, readPlace);

/** @param {string} room */
export const unsubscribe = (room) => request({ action: "unsubscribe", room }, () => true);

/** @param {string} room @param {number} seq */
export const read = (room, seq) => request({ action: "read", room, seq }, readMark);

/** @param {{after?: string, limit?: number}} [page] - `after`: a room */
export const rooms = ({ after, limit } = {}) => request({ action: "rooms", after, limit }, readRooms);

/** @param {Fields} fields @returns {NoticeFrame | null} */
export function readNotice({ room, subscribed, ...fields }) {
  if (typeof room !== "string") return null;
  if (subscribed === false) return { type: "notice", room, place: null };
  const mark = readMark(fields);
  if (!mark) return null;
  const { seq, mention } = fields;
  const found = isMention(mention) && { mention: { ...readPerson(mention), seq: mention.seq, at: mention.at } };
  return { type: "notice", room, place: { ...mark, ...readSettings(fields), ...(isCount(seq) && { seq }), ...found } };
}

/** @param {Fields} fields @returns {ReadFrame | null} */
export function readReceipt({ room, seq, ...fields }) {
  if (typeof room !== "string" || !isSeq(seq) || !isPerson(fields)) return null;
  return { type: "read", room, person: readPerson(fields), seq };
}

/** @param {Fields} reply @returns {{you: Person, places: Map<string, Place>, more: boolean} | null} */
function readRooms({ you, rooms, more }) {
  if (!isPerson(you) || !Array.isArray(rooms)) return null;
  /** @type {Map<string, Place>} by room, in the order of the page */
  const places = new Map();
  for (const fields of rooms) {
    const place = typeof fields?.room === "string" && readPlace(fields);
    if (place) places.set(fields.room, place);
  }
  return { you: readPerson(you), places, more: more === true };
}

/** @param {Fields} fields @returns {Place | null} */
function readPlace(fields) {
  const mark = readMark(fields);
  if (!mark || !isCount(fields.seq)) return null;
  const { newest } = fields;
  return { ...mark, ...readSettings(fields), seq: fields.seq, ...(isNewest(newest) && { newest: readNewest(newest) }) };
}

/** @param {Fields} fields @returns {Mark | null} */
function readMark({ read, unread, mentions }) {
  if (!isCount(read) || !isCount(unread)) return null;
  return { read, unread, mentions: isCount(mentions) ? mentions : 0 };
}

/** @param {Fields} fields */
const readSettings = ({ muted, since }) => ({ muted: muted === true, since: typeof since === "string" ? since : "" });

/** @param {any} value @returns {value is Mention} */
const isMention = (value) => isPerson(value) && isSeq(/** @type {any} */ (value).seq) && typeof /** @type {any} */ (value).at === "string";

/** @param {any} value @returns {value is Newest} */
const isNewest = (value) => isMention(value) && typeof /** @type {any} */ (value).message === "string";

/** @param {Newest} fields @returns {Newest} */
function readNewest({ seq, message, at, deleted, ...person }) {
  return { seq, ...readPerson(person), message, at, ...(deleted === true && { deleted }) };
}
