/**
 * Return how long a token stays valid, by its own claims. It is not verified here; only the server does that.
 *
 * @param {string} token - a JSON Web Token, or anything else
 * @param {number} now - milliseconds since 1970
 * @returns {number} milliseconds; Infinity if the token does not say
 */
export function remainingLifetime(token, now) {
  const { exp, iat } = claimsOf(token);
  if (typeof exp !== "number") return Infinity;
  const remaining = exp * 1_000 - now;
  if (typeof iat !== "number") return remaining;
  // This computer's clock may be wrong, so no token is believed to last longer than it was issued for.
  const lifetime = (exp - iat) * 1_000;
  return remaining > 0 ? Math.min(remaining, lifetime) : lifetime;
}

/**
 * Return a name for the user that a token or a client id belongs to, before the server has said who that is.
 *
 * @param {string} token - empty if there is none @param {string} client - the client id
 * @returns {string | null} null if only the server can tell
 */
export function ownerOf(token, client) {
  if (!token) return `client ${client}`;
  const { iss, sub } = claimsOf(token);
  return sub === undefined ? null : `token ${iss ?? ""} ${sub}`;
}

/** @param {string} token @returns {Record<string, unknown>} */
function claimsOf(token) {
  try {
    const [, payload = ""] = token.split(".");
    return Object(JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))));
  } catch {
    return {};
  }
}
