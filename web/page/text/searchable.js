/** Marks over and under letters, which somebody who searches may leave out. */
const MARKS = /\p{M}/gu;

/** Return a text as a search compares it: without case and accents. @param {string} text */
export const searchable = (text) => text.normalize("NFKD").replace(MARKS, "").toLowerCase();
