import { find } from "../dom.js";
import { KEYS } from "../../words/keys.js";

/** The table of the keys, in a dialog. */
export class KeysView {
  #dialog = find("#keys", HTMLDialogElement);
  #tables = find("#keys-tables", HTMLElement);

  open() {
    if (this.#tables.childElementCount === 0) this.#tables.append(...KEYS.map(drawTable));
    this.#dialog.showModal();
  }
}

/** @param {readonly [string, readonly (readonly [string, string])[]]} keys - by where */
function drawTable([where, keys]) {
  const table = document.createElement("table");
  table.createCaption().textContent = where;
  for (const [key, meaning] of keys) {
    const row = table.insertRow();
    const head = document.createElement("th");
    head.scope = "row";
    const shown = document.createElement("kbd");
    shown.textContent = key;
    head.append(shown);
    row.append(head);
    row.insertCell().textContent = meaning;
  }
  return table;
}
