/** Marks over and under letters, which somebody who searches may leave out. */
const MARKS = /\p{M}/gu;

/** Return a text as a search compares it: without case and accents. @param {string} text */
export const searchable = (text) => text.normalize("NFKD").replace(MARKS, "").toLowerCase();

/** How an item may be meant, best first: its text begins with the query, one of its words does, it holds the query, it has its letters in order. */
const [BEGINS, WORD_BEGINS, HOLDS, IN_ORDER] = [0, 1, 2, 3];
const NOT_MEANT = 4;
/** A word begins here. */
const WORDS = /(?<=^|[^\p{L}\p{N}])(?=[\p{L}\p{N}])/u;

/**
 * Return the items that a query may mean, best first. Among equals the order stays. An empty query means all.
 *
 * @template {{text: string}} Item
 * @param {string} query @param {readonly Item[]} items
 * @returns {Item[]}
 */
export const rank = (query, items) => meant(query, items, IN_ORDER);

/** Return the same, but only the items that begin with the query, or have a word that does. @type {typeof rank} */
export const begun = (query, items) => meant(query, items, WORD_BEGINS);

/** @template {{text: string}} Item @param {string} query @param {readonly Item[]} items @param {number} worst @returns {Item[]} */
function meant(query, items, worst) {
  const sought = searchable(query);
  const ranked = items.map((item) => ({ item, rank: rankOf(sought, searchable(item.text)) }));
  return ranked
    .filter(({ rank }) => rank <= worst)
    .sort((one, other) => one.rank - other.rank)
    .map(({ item }) => item);
}

/** @param {string} sought @param {string} text */
function rankOf(sought, text) {
  if (text.startsWith(sought)) return BEGINS;
  if (text.split(WORDS).some((word) => word.startsWith(sought))) return WORD_BEGINS;
  if (text.includes(sought)) return HOLDS;
  return hasInOrder(sought, text) ? IN_ORDER : NOT_MEANT;
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
