/** @param {Error} error - that keeps the page from starting */
export const startText = ({ message }) =>
  `This chat cannot start. ${message.replace(/\.$/u, "")}. If that does not help, the browser's console says where it stopped.`;
