/** The part of the items that is in the document: from `from` to before `to`. @typedef {{from: number, to: number}} Range */

/** Items in the document before the first one in view, and behind it. */
const AROUND = 100;
/** Items in the document when the last one is in view: */
const AT_END = 160;
/** as many come below them until those above leave together, because each time all that stay move. */
const MOST_AT_END = 280;
/** So near to the edge of the window it moves, */
const NEAR = 60;
/** and beyond so many items before the view, or a few more than it would take in behind it, they leave it. */
const FAR = 160;
const MORE = 40;

/** @param {number} length - of all items @param {Range} [current] @returns {Range} the window of a reader at the end */
export function rangeAtEnd(length, { from } = { from: -1, to: -1 }) {
  const latest = Math.max(0, length - AT_END);
  const isFitting = from >= Math.max(0, length - MOST_AT_END) && from <= latest;
  return { from: isFitting ? from : latest, to: length };
}

/**
 * Return the window of a reader elsewhere. It moves in large steps: each one costs a layout.
 *
 * @param {{first: number, last: number}} view - the first and the last item in view
 * @param {number} length - of all items @param {Range} current @returns {Range}
 */
export function rangeAround({ first, last }, length, current) {
  const reachesUp = current.from <= Math.max(0, first - NEAR) && current.from >= first - FAR;
  const end = Math.max(first + AROUND, last + NEAR);
  const reachesDown = current.to >= Math.min(length, last + NEAR) && current.to <= Math.min(length, end + MORE);
  return {
    from: reachesUp ? Math.max(0, current.from) : Math.max(0, first - AROUND),
    to: reachesDown ? current.to : Math.min(length, end),
  };
}

/**
 * Return the window while a finger, or the momentum that it gave, moves the content: nothing above the view changes.
 *
 * @param {{first: number, last: number}} view @param {number} length @param {Range} current @returns {Range}
 */
export function rangeWhileHeld({ first, last }, length, { from, to }) {
  return { from: Math.max(0, from), to: Math.min(length, Math.max(to, first + AROUND, last + NEAR)) };
}
