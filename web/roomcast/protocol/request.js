import { randomId } from "./random-id.js";

/**
 * @typedef {Record<string, unknown>} Fields
 */

/**
 * @template Result
 * @typedef {{ref: string, frame: string, read: (reply: Fields) => Result | null, isMessage?: boolean}} Request - `read`
 *   returns null for a malformed reply; `isMessage`: others will see it under this connection's name, also a change
 */

/**
 * @template Result
 * @param {Fields} fields @param {(reply: Fields) => Result | null} read @param {string} [ref]
 * @returns {Request<Result>}
 */
export function request(fields, read, ref = randomId()) {
  return { ref, frame: JSON.stringify({ ...fields, ref }), read };
}
