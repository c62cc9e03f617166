/** @typedef {import("../../roomcast.js").ConnectionState} ConnectionState */

/** @type {Record<ConnectionState, string>} */
const STATES = {
  idle: "Connecting…",
  connecting: "Connecting…",
  open: "Connected",
  reconnecting: "Reconnecting…",
  offline: "Offline",
  unreachable: "Not connected",
  closed: "Disconnected",
};

/** @type {Partial<Record<ConnectionState, string>>} */
const TROUBLES = {
  reconnecting: "Reconnecting…",
  offline: "Offline.",
  unreachable: "This chat cannot be reached, or does not let you in.",
  closed: "Disconnected. Reload the page to come back.",
};

/** By where the token comes from: a page cannot see why a handshake failed. */
const TOKEN_HINTS = { link: "Your link may have expired.", site: "You may have to log in again." };

/** @param {ConnectionState} state @returns {string} in a word or two */
export const stateText = (state) => STATES[state];

/**
 * @typedef {object} Trouble
 * @property {ConnectionState} state
 * @property {number} waiting - how many of the user's messages in the open room are not sent
 * @property {number | null} nextAttemptIn - milliseconds; null if an attempt is under way, or none is to come
 * @property {"link" | "site" | null} tokenFrom - the page's address, or the function in settings.js that asks the site
 */

/** @param {Trouble} trouble @returns {string} plain sentences; empty if there is none */
export function troubleText({ state, waiting, nextAttemptIn, tokenFrom }) {
  const trouble = TROUBLES[state];
  if (!trouble) return "";
  const messages = waiting === 1 ? "1 message waits." : `${waiting} messages wait.`;
  const seconds = nextAttemptIn === null ? 0 : Math.ceil(nextAttemptIn / 1000);
  return [
    trouble,
    state === "unreachable" && tokenFrom && TOKEN_HINTS[tokenFrom],
    state !== "closed" && waiting > 0 && messages,
    state === "unreachable" && seconds > 0 && `Next try in ${seconds} s.`,
  ].filter(Boolean).join(" ");
}
