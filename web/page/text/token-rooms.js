/**
 * Return the rooms that a token names, without those that it only covers by a pattern. Empty for a token without the claim
 * `rooms`, and for one that is no JWT.
 *
 * @param {string} token @returns {string[]}
 */
export function tokenRooms(token) {
  try {
    const [, payload = ""] = token.split(".");
    const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
    const { rooms = [] } = Object(JSON.parse(new TextDecoder().decode(bytes)));
    const patterns = typeof rooms === "string" ? rooms.split(" ") : [...rooms];
    const named = patterns.filter((pattern) => typeof pattern === "string" && /^[^@*\s]+$/u.test(pattern));
    const readable = named.filter((pattern) => !pattern.endsWith(":write"));
    return [...new Set(readable.map((pattern) => pattern.replace(/:read$/u, "")))];
  } catch {
    return [];
  }
}
