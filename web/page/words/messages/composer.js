const number = new Intl.NumberFormat("en");

export const SEND = "Send";

/** @param {number} characters - that still fit into a message */
export const leftText = (characters) => `${characters} left`;

/** @param {number} messages */
export const sendPartsText = (messages) => `Send as ${number.format(messages)} messages`;

/** @param {number} seconds @returns {string} of a countdown */
export function countdownText(seconds) {
  const [minutes, rest] = [Math.floor(seconds / 60), String(seconds % 60).padStart(2, "0")];
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

/** @param {number} seconds */
export const slowText = (seconds) => `Slow mode: your next message goes in ${countdownText(seconds)}`;
