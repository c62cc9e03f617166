import { isPerson, isSeq, readPeople, readPerson } from "./values.js";

/**
 * The entries of a room's log: messages, their changes, and skipped numbers.
 *
 * @typedef {object} Message
 * @property {number} seq - its number in the room's log, from 1
 * @property {string} id - the ref that it was sent with
 * @property {string} user - the sender's permanent id
 * @property {string} name - the sender's name at that time
 * @property {string} message - empty if it is deleted
 * @property {unknown} [data] - any JSON that the sender added to the text
 * @property {string} at - when the server stored it, ISO 8601
 * @property {string} [editedAt] - when its sender last edited it, ISO 8601
 * @property {boolean} [deleted] - by its sender or a moderator
 * @property {number} [revision] - the number of its newest change; of two forms the one with the higher number counts
 * @property {Reaction[]} [reactions] - the first one that came first
 * @property {number} [replyTo] - the number of the message that it answers
 * @property {number} [root] - the number of the first message of the chain of replies
 * @property {number} [replies] - how many messages have this one as their root
 * @property {string[]} [mentions] - the users that it mentions; none if it is deleted
 * @property {boolean} [pending] - a change of this client's user is shown and not acknowledged yet
 *
 * @typedef {import("./values.js").Person} Person
 * @typedef {{reaction: string, count: number, people: Person[]}} Reaction - `people`: up to ten of those who reacted
 * @typedef {Person & {reaction: string}} PersonsReaction
 * @typedef {object} Change - of the message `of`, with a number of its own
 * @property {number} seq
 * @property {number} of
 * @property {string} kind - `edit`, `delete`, `react`, or one of a later server
 * @property {Message} [message] - as it is now; missing if a later change of the same run has it
 *
 * @typedef {{messages: Message[], changes: Change[], skipped: number[]}} Run - `skipped`: the seqs that hold no
 *   message, those of the changes included
 */

/** @param {Record<string, unknown>} fields - `messages` is an array @returns {Run} */
export function readRun({ messages, changes, skipped }) {
  const read = Array.isArray(changes) ? changes.filter(isChange).map(readChange) : [];
  const others = Array.isArray(skipped) ? skipped.filter(isSeq) : [];
  return {
    messages: /** @type {unknown[]} */ (messages).filter(isMessage).map(readMessage),
    changes: read,
    skipped: [...new Set([...others, ...read.map(({ seq }) => seq)])],
  };
}

/** @param {Run} run @returns {number | undefined} */
export const lowestSeq = (run) => (seqsOf(run).length ? Math.min(...seqsOf(run)) : undefined);

/** @param {Run} run @returns {number | undefined} */
export const highestSeq = (run) => (seqsOf(run).length ? Math.max(...seqsOf(run)) : undefined);

/** @param {Run} run */
const seqsOf = ({ messages, skipped }) => [...messages.map(({ seq }) => seq), ...skipped];

/** @param {Record<string, unknown>} fields @returns {{people: PersonsReaction[], more: boolean} | null} */
export function readReactions({ reactions, more }) {
  if (!Array.isArray(reactions)) return null;
  const people = reactions
    .filter((each) => isPerson(each) && typeof (/** @type {any} */ (each).reaction) === "string")
    .map((each) => ({ reaction: each.reaction, ...readPerson(each) }));
  return { people, more: more === true && people.length > 0 };
}

/** @param {any} value @returns {boolean} */
const isChange = (value) => isSeq(value?.seq) && isSeq(value.of) && typeof value.kind === "string";

/** @param {any} fields @returns {Change} */
function readChange({ seq, of, kind, message }) {
  return { seq, of, kind, ...(isMessage(message) && message.seq === of && { message: readMessage(message) }) };
}

/** @param {unknown} value @returns {value is Message & Record<string, unknown>} */
function isMessage(value) {
  if (value === null || typeof value !== "object") return false;
  const { seq, ...texts } = /** @type {Record<string, unknown>} */ (value);
  return isSeq(seq) && ["id", "user", "name", "message", "at"].every((field) => typeof texts[field] === "string");
}

/** @param {Message & Record<string, unknown>} fields @returns {Message} */
function readMessage({ edited_at: editedAt, revision, reactions, reply_to: replyTo, root, replies, mentions, pending: _, ...message }) {
  return {
    ...message,
    ...(typeof editedAt === "string" && { editedAt }),
    ...(isSeq(revision) && { revision }),
    ...(isSeq(replyTo) && { replyTo }),
    ...(isSeq(root) && { root }),
    ...(isSeq(replies) && { replies }),
    ...(Array.isArray(mentions) && { mentions: mentions.filter((user) => typeof user === "string") }),
    ...(Array.isArray(reactions) && { reactions: reactions.filter(isReaction).map(readReaction) }),
  };
}

/** @param {any} value @returns {value is Reaction} */
const isReaction = (value) => typeof value?.reaction === "string" && isSeq(value.count);

/** @param {Reaction} fields @returns {Reaction} */
const readReaction = ({ reaction, count, people }) => ({ reaction, count, people: readPeople(people) });
