import { find } from "./dom.js";
import { COPIED, NOT_COPIED } from "../words/feedback.js";

/** Milliseconds that a line is shown. */
const SHOWN = 4_000;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** Show that something was done, for a moment. Screen readers read it out. @param {string} text */
export function say(text) {
  const line = find("#feedback", HTMLElement);
  // What is outside of a modal dialog is not read out.
  const place = document.querySelector("dialog:modal") ?? document.body;
  if (line.parentElement !== place) place.append(line);
  line.replaceChildren(); // The same text twice would be read out once.
  clearTimeout(timer);
  requestAnimationFrame(() => line.replaceChildren(text));
  timer = setTimeout(() => line.replaceChildren(), SHOWN);
}

/** Copy a text, and say so. @param {string} text @returns {Promise<boolean>} false if the browser does not let the page */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text); // Without HTTPS there is no clipboard.
    say(COPIED);
    return true;
  } catch {
    say(NOT_COPIED);
    return false;
  }
}
