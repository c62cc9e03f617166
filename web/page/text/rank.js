import { searchable } from "./searchable.js";

/** A word begins here. */
const WORDS = /(?<=^|[^\p{L}\p{N}])(?=[\p{L}\p{N}])/u;

/**
 * Return the items that a query may mean, best first: whose text begins with it, then one of whose words does, then which
 * have its letters in this order. Among equals the order stays. An empty query means all.
 *
 * @template {{text: string}} Item
 * @param {string} query @param {readonly Item[]} items
 * @returns {Item[]}
 */
export function rank(query, items) {
  const sought = searchable(query.trim());
  const ranked = items.map((item) => ({ item, rank: rankOf(sought, searchable(item.text)) }));
  return ranked
    .filter(({ rank }) => rank >= 0)
    .sort((one, other) => one.rank - other.rank)
    .map(({ item }) => item);
}

/** @param {string} sought @param {string} text @returns {number} 0 is best; -1: not meant */
function rankOf(sought, text) {
  if (text.startsWith(sought)) return 0;
  if (text.split(WORDS).some((word) => word.startsWith(sought))) return 1;
  if (text.includes(sought)) return 2;
  return hasInOrder(sought, text) ? 3 : -1;
}

/** @param {string} letters @param {string} text */
function hasInOrder(letters, text) {
  let from = 0;
  for (const letter of letters) {
    from = text.indexOf(letter, from) + 1;
    if (from === 0) return false;
  }
  return true;
}
