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
