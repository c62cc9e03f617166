/**
 * @template Result
 * @typedef {{promise: Promise<Result>, resolve: (result: Result) => void, reject: (reason: unknown) => void}} Deferred
 */

/**
 * Return a promise with the functions that end it, as Promise.withResolvers does, which Node.js has from version 22 on.
 *
 * @template Result
 * @returns {Deferred<Result>}
 */
export function defer() {
  /** @type {Partial<Deferred<Result>>} */
  const parts = {};
  const promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return /** @type {Deferred<Result>} */ ({ ...parts, promise });
}
