import { find } from "../dom.js";
import { menus } from "../menus.js";
import { ROOM_MENU } from "../../words/messages/actions.js";

/** @typedef {import("../../../roomcast.js").Rules} Rules */

/** A moderator's button for the room. Dispatches `action`, as MessageTools do for a person. */
export class ModeratorButton extends EventTarget {
  #button = find("#moderate", HTMLButtonElement);
  /** @type {{rules: Rules | undefined, inForce: readonly import("../../state/acts/restrictions.js").Restriction[]}} */
  #shown = { rules: undefined, inForce: [] };

  constructor() {
    super();
    this.#button.addEventListener("click", () => this.#open());
  }

  /** @param {Rules | undefined} rules @param {readonly import("../../state/acts/restrictions.js").Restriction[]} inForce */
  show(rules, inForce) {
    this.#button.hidden = !rules?.moderator;
    this.#shown = { rules, inForce };
  }

  #open() {
    const moderate = (/** @type {object} */ moderation) => {
      this.dispatchEvent(new CustomEvent("action", { detail: { action: "moderate", moderation } }));
    };
    menus.use(({ menu, itemsOfRoom }) => {
      const { rules, inForce } = this.#shown;
      if (rules) menu.open(this.#button, ROOM_MENU, itemsOfRoom(rules, inForce, moderate));
    });
  }
}
