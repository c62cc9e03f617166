import { graphemes } from "./graphemes.js";
import { looksEmpty } from "./clean.js";

/** Return the first visible character of a name, as a capital. Empty if there is none. @param {string} name */
export function initial(name) {
  const plain = /^[a-z\d](?=[ -~]|$)/i.exec(name); // Most names begin so, and need not be divided, which takes long.
  if (plain) return plain[0].toUpperCase();
  for (const { segment } of graphemes(name)) if (!looksEmpty(segment)) return segment.toUpperCase();
  return "";
}
