const OPENING = /^```([\w+#.-]{0,20})[^\S\n]*$/;
const CLOSING = /^```[^\S\n]*$/;

/** @param {string} line @returns {string | null} the language of the block of code that begins after it, or "" */
export const opensBlock = (line) => OPENING.exec(line)?.[1] ?? null;

/** True if the line ends a block of code. @param {string} line */
export const closesBlock = (line) => CLOSING.test(line);
