/** WCAG 2.2, 1.4.3: what text of any size needs. */
export const READABLE = 4.5;

const BLACK = "#000000";
const WHITE = "#ffffff";
const STEPS = 50;

/**
 * Return the colour, darkened or lightened as far as it needs to be readable on the ground.
 *
 * @param {string} colour - as all here, `#rrggbb` @param {string} ground
 */
export function readableOn(ground, colour) {
  const towards = textOn(ground);
  for (let step = 0; step < STEPS; step += 1) {
    const mixed = mix(colour, towards, step / STEPS);
    if (contrast(mixed, ground) >= READABLE) return mixed;
  }
  return towards;
}

/** Return black or white, whichever is easier to read on the ground: one of them is readable on any. @param {string} ground */
export const textOn = (ground) => (contrast(ground, WHITE) > contrast(ground, BLACK) ? WHITE : BLACK);

/** Return the contrast of two colours, 1 to 21: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio @param {string} one @param {string} other */
export function contrast(one, other) {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (Number(lighter) + 0.05) / (Number(darker) + 0.05);
}

/** @param {string} colour https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
function luminance(colour) {
  const [red, green, blue] = channels(colour).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * Number(red) + 0.7152 * Number(green) + 0.0722 * Number(blue);
}

/** @param {string} colour @param {string} other @param {number} share - of the other, 0 to 1 @returns {string} */
export function mix(colour, other, share) {
  const towards = channels(other);
  const mixed = channels(colour).map((value, at) => Math.round(value + (Number(towards[at]) - value) * share));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/** @param {string} colour @returns {number[]} red, green and blue, 0 to 255 */
const channels = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
