/**
 * How a message looks with a change that the server has not confirmed yet.
 *
 * @typedef {import("../../protocol/entries.js").Message} Message
 * @typedef {import("../../protocol/entries.js").Reaction} Reaction
 * @typedef {import("../../protocol/entries.js").Person} Person
 * @typedef {Pick<Message, "message" | "data" | "editedAt" | "deleted" | "reactions" | "mentions">} Look
 * @typedef {import("../../protocol/frames.js").Content & {at: number}} Change - `at`: when its user made it
 */

/** How many people of a reaction a message names. */
const MAX_PEOPLE = 10;

/**
 * @template {Look} Shown
 * @param {Shown} message @param {Change} change @param {Person | undefined} me - who makes it
 * @returns {Shown}
 */
export function withChange(message, change, me) {
  if (message.deleted) return message; // A deletion is for good.
  const { data: _, ...rest } = message;
  switch (change.action) {
    case "edit": {
      const data = change.data === undefined ? {} : { data: change.data };
      const editedAt = new Date(change.at).toISOString();
      return /** @type {Shown} */ ({ ...rest, message: change.message ?? "", ...data, editedAt });
    }
    case "delete": {
      const { reactions: __, mentions: ___, ...others } = rest;
      return /** @type {Shown} */ ({ ...others, message: "", deleted: true });
    }
    default:
      return { ...message, reactions: withReaction(message.reactions ?? [], change, me) };
  }
}

/**
 * @param {Reaction[]} reactions @param {Change} change @param {Person | undefined} me
 * @returns {Reaction[]}
 */
function withReaction(reactions, { reaction = "", on = true }, me) {
  const known = reactions.find((each) => each.reaction === reaction);
  if (!known) return on ? [...reactions, { reaction, count: 1, people: me ? [me] : [] }] : reactions;
  const isNamed = known.people.some(({ user }) => user === me?.user);
  const isEverybodyNamed = known.people.length === known.count;
  if (on ? isNamed : !isNamed && isEverybodyNamed) return reactions;
  const others = known.people.filter(({ user }) => user !== me?.user);
  const people = on && me && others.length < MAX_PEOPLE ? [...others, me] : others;
  const changed = { reaction, count: known.count + (on ? 1 : -1), people };
  return reactions.map((each) => (each === known ? changed : each)).filter(({ count }) => count > 0);
}
