const number = new Intl.NumberFormat("en");

/** The button of a block of code. */
export const COPY = "Copy";

/** @param {boolean} isOpen - all of the message is shown @param {number} lines - of the message, as its author broke them */
export function foldButtonText(isOpen, lines) {
  if (isOpen) return "Show less";
  return lines > 1 ? `Show all ${number.format(lines)} lines` : "Show all of it";
}

/** @param {string} host - to which a link leads, if its text looks otherwise */
export const hostText = (host) => `leads to ${host}`;

/** Return a message as a line of a transcript. @param {{name: string, time: string, text: string}} message */
export const transcriptText = ({ name, time, text }) => `${[name, time].filter(Boolean).join(", ")}: ${text}`;

/** What is told when somebody pastes a picture. */
export const NO_FILES = "Pictures and files cannot be sent here.";
