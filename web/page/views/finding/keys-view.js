import { find } from "../dom.js";
import { KEYS } from "../../words/keys.js";

/** The tables of the keys, in their dialog. */
export class KeysView {
  #tables = find("#keys-tables", HTMLElement);

  show() {
    if (this.#tables.childElementCount === 0) this.#tables.append(...KEYS.map(drawTable));
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
