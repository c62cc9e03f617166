/** @typedef {import("../../state/room/days.js").Item} Item */

/** @param {Item | undefined} item */
export const isDivider = (item) => item?.kind === "day" || item?.kind === "new";

/** @param {Item | undefined} item - a divider @returns {string} */
export const textOf = (item) => (item && item.kind !== "message" ? item.text : "");

/** @param {readonly Item[]} items @returns {number[]} the indexes of the dividers */
export function dividersAmong(items) {
  const indexes = [];
  for (let index = 0; index < items.length; index++) if (isDivider(items[index])) indexes.push(index);
  return indexes;
}

/** @param {readonly Item[]} items @param {number} last - an index @returns {number} the seq of the newest message up to there; 0 if there is none */
export function newestSeq(items, last) {
  for (let index = last; index >= 0; index--) {
    const item = items[index];
    if (item?.kind === "message" && item.seq > 0) return item.seq;
  }
  return 0;
}
