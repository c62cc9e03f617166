/**
 * How long a token will last, as far as it says so itself. It is not verified: whether it holds is for the server.
 *
 * @param {string} token - a JSON Web Token, or anything else
 * @param {number} now - milliseconds since 1970
 * @returns {number} milliseconds; Infinity if it does not say
 */
export function lifeOf(token, now) {
  const { exp, iat } = claimsOf(token);
  if (typeof exp !== "number") return Infinity;
  const left = exp * 1_000 - now;
  if (typeof iat !== "number") return left;
  // This computer's clock may be wrong; how long the token was issued for is not.
  const whole = (exp - iat) * 1_000;
  return left > 0 ? Math.min(left, whole) : whole;
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
