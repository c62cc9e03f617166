import { cut } from "./graphemes.js";

/** How many characters of a user tell equal names apart. */
const TAG = 4;
/** In characters as a reader sees them: of a name in a line that has to say more than the name. */
const MAX_SHORT = 20;

const collator = new Intl.Collator(undefined, { numeric: true });

/** Compare two names as a reader sorts them: "Person 2" comes before "Person 10". @type {(one: string, other: string) => number} */
export const byName = collator.compare;

/** Return a name in the form in which equal ones are equal: "ADA" and "Ada" are. @param {string} name */
export const folded = (name) => name.normalize("NFKC").toLowerCase();

/** Return what tells a user from others of one name. @param {string} user */
export const tagOf = (user) => user.slice(-TAG);

/** Return a name that leaves space for other words. @param {string} name */
export const shortened = (name) => cut(name, MAX_SHORT);
