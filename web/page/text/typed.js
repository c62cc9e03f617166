/** Symbols and formatting characters that are blank, beside Unicode's own property for what shows nothing. */
const BLANK = /^[\s\p{Cc}\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb\u{1d159}]*$/u;

/** True if a reader sees nothing of the text, as the server judges it. @param {string} text */
export const looksEmpty = (text) => BLANK.test(text);

/**
 * Return what of a typed or pasted text can be sent: the vertical tab, the form feed and NEL of other programs as line
 * breaks, without other control characters and half characters, which the server rejects. Empty if it looks empty.
 *
 * @param {string} typed @returns {string}
 */
export function sendable(typed) {
  const lines = typed.replace(/\r\n?|[\v\f\u0085]/gu, "\n");
  const text = lines.replace(/[^\P{Cc}\t\n]|\p{Cs}/gu, "").trim();
  return looksEmpty(text) ? "" : text;
}
