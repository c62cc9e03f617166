// Checks of single values in frames.

/** @typedef {{user: string, name: string}} Person - `user` is permanent, `name` can change */

/** @param {unknown} value @returns {Person[]} */
export function readPeople(value) {
  return Array.isArray(value) ? value.filter(isPerson).map(readPerson) : [];
}

/** @param {Person} fields @returns {Person} without any other field */
export const readPerson = ({ user, name }) => ({ user, name });

/** @param {any} value @returns {value is Person} */
export const isPerson = (value) => typeof value?.user === "string" && typeof value.name === "string";

/** @param {unknown} value @returns {value is number} */
export const isCount = (value) => value === 0 || isSeq(value);

/** @param {unknown} value @returns {value is number} */
export const isSeq = (value) => typeof value === "number" && Number.isSafeInteger(value) && value > 0;
