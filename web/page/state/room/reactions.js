/**
 * @typedef {{reaction: string, count: number, names: string[], mine: boolean}} ShownReaction - `names`: of some of those
 *   who reacted; `mine`: the user is among them
 */

/** @param {import("../../../roomcast.js").Reaction[]} reactions @param {string | undefined} me @returns {ShownReaction[]} */
export const shownReactions = (reactions, me) => {
  return reactions.map(({ reaction, count, people }) => {
    return { reaction, count, mine: people.some(({ user }) => user === me), names: people.map(({ name }) => name) };
  });
};
