/**
 * Return a random version 4 UUID, for the `ref` of a message or the id of a client.
 *
 * `crypto.randomUUID` exists only in secure contexts, and the laptop's page over plain http on a phone is not secure
 * (https://developer.mozilla.org/docs/Web/API/Crypto/randomUUID). `getRandomValues` exists everywhere.
 *
 * @param {Pick<Crypto, "getRandomValues"> & {randomUUID?: Crypto["randomUUID"]}} source
 * @returns {string}
 */
export function randomId(source = crypto) {
  if (source.randomUUID) return source.randomUUID();
  const bytes = source.getRandomValues(new Uint8Array(16));
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const variant = "89ab"[Number.parseInt(hex.slice(16, 17), 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}
