import { isCount } from "./values.js";

/**
 * @typedef {object} Moderated - an action of a moderator
 * @property {string} action - `ban`, `mute`, `slow_mode`, `lock`, or an action of a later server
 * @property {string} moderator - the moderator's name
 * @property {string} [user] - who is banned or muted
 * @property {string} [until] - when that ends, ISO 8601, by the server's clock
 * @property {number} [expiresIn] - seconds until that ends, from when the frame came; 0: it is over
 * @property {number} [seconds] - how long a ban or a mute lasts in all, or each user waits between two messages; 0 ends it
 * @property {boolean} [locked] - true if only moderators can write
 */

/** @param {Record<string, unknown>} fields @returns {Moderated | null} */
export function readModerated({ action, moderator, user, until, expires_in: expiresIn, seconds, locked }) {
  if (typeof action !== "string" || typeof moderator !== "string") return null;
  return {
    action,
    moderator,
    ...(typeof user === "string" && { user }),
    ...(typeof until === "string" && { until }),
    ...(isCount(expiresIn) && { expiresIn }),
    ...(isCount(seconds) && { seconds }),
    ...(typeof locked === "boolean" && { locked }),
  };
}
