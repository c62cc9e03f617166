import { graphemes } from "./graphemes.js";

/** More are a text that may be long: it stays as large as other texts. */
const MAX_ALONE = 12;
/** In UTF-16 units, of one emoji: a family of four with skin tones, or the flag of a country within another, has fewer. */
const MAX_LENGTH = 24;

/** A flag, a keycap, or a picture that is coloured without being asked for; then joined ones, skin tones and tags. */
const EMOJI = new RegExp(
  [
    /\p{Regional_Indicator}{2}/u,
    /[#*\d]\ufe0f\u20e3/u,
    /(?:(?!\p{Regional_Indicator})\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f|\p{Emoji_Modifier_Base}\p{Emoji_Modifier})[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Emoji_Component}]*/u,
  ]
    .map(({ source }) => `^(?:${source})$`)
    .join("|"),
  "u",
);

/** True if the text is some emoji and nothing else, so that they can be shown large. @param {string} text */
export function isOnlyEmoji(text) {
  if (text.length > MAX_ALONE * MAX_LENGTH || /[a-z]/i.test(text)) return false; // Most texts are not divided, which takes long.
  const shown = [...graphemes(text)].map(({ segment }) => segment).filter((segment) => segment.trim());
  return shown.length > 0 && shown.length <= MAX_ALONE && shown.every((segment) => EMOJI.test(segment));
}
