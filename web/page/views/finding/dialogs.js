import { find } from "../dom.js";
import { SEARCH } from "../../words/going.js";

// What things are found with, opened at once: what is typed while their modules are loading stands in the right field.

find("#search-form", HTMLFormElement).addEventListener("submit", (event) => event.preventDefault());

/** Open the palette's dialog, with an empty field. @returns {boolean} false if it was open */
export function openPalette() {
  const dialog = find("#palette", HTMLDialogElement);
  if (dialog.open) return false;
  find("#sought", HTMLInputElement).value = "";
  dialog.showModal();
  return true;
}

/** Open the search in the pane. @param {import("../pane.js").Pane} pane @param {string} [query] - in place of what stands in its field */
export function openSearch(pane, query) {
  pane.open("search", SEARCH);
  const field = find("#query", HTMLInputElement);
  if (query) field.value = query;
  field.focus();
  field.select();
}

/** Open the search, at the field for a day. @param {import("../pane.js").Pane} pane */
export function openDay(pane) {
  openSearch(pane);
  find("#go-to-day", HTMLInputElement).focus();
}

/** Open the dialog with the table of the keys. */
export function openKeys() {
  const dialog = find("#keys", HTMLDialogElement);
  if (!dialog.open) dialog.showModal();
}
