import { find } from "../dom.js";
import { drawMember } from "../message/message-view.js";
import { menus } from "../menus.js";
import { personMenuTitle } from "../../words/messages/actions.js";
import { countText } from "../../words/activity.js";

/** @typedef {import("../message/message-tools.js").Permissions} Permissions */

const TITLE = "Who is here";

/**
 * The number of members, and the list of them in the pane. For moderators each has a menu: who never wrote can be
 * moderated, too. Dispatches `action`, as MessageTools do.
 */
export class MemberList extends EventTarget {
  #button = find("#count", HTMLButtonElement);
  #section = find("#people", HTMLElement);
  #list = find("#members", HTMLUListElement);
  #unlisted = find("#unlisted", HTMLElement);
  #pane;
  /** @type {import("../../state/room/room-people.js").Members | undefined} */
  #shown;
  /** @type {Permissions} */
  #permissions = { mayWrite: true, moderates: false, inForce: [], seenBy: () => [] };

  /** @param {import("../pane.js").Pane} pane */
  constructor(pane) {
    super();
    const { id } = this.#section;
    this.#pane = pane;
    this.#button.addEventListener("click", () => (pane.section === id ? pane.close() : this.open()));
    pane.addEventListener("change", () => (this.#button.ariaExpanded = String(pane.section === id)));
  }

  open() {
    this.#pane.open(this.#section.id, TITLE);
  }

  /**
   * @param {import("../../state/room/room-people.js").Members | undefined} members - undefined until they are known
   * @param {Permissions} permissions - of the user
   */
  show(members, permissions) {
    const isSame = members === this.#shown && permissions.moderates === this.#permissions.moderates;
    this.#permissions = permissions;
    if (isSame) return;
    this.#shown = members;
    this.#button.textContent = members ? countText(members) : TITLE;
    const people = members?.people ?? [];
    const focused = document.activeElement?.closest(".person") ? /** @type {HTMLElement} */ (document.activeElement).dataset.user : "";
    this.#list.replaceChildren(...people.map((person) => this.#draw(person)));
    this.#unlisted.hidden = !members || people.length > 0;
    for (const button of this.#list.querySelectorAll("button")) if (focused && button.dataset.user === focused) button.focus();
  }

  /** @param {import("../../state/room/room-people.js").Member} person */
  #draw(person) {
    const element = drawMember(person);
    const button = find("button", HTMLButtonElement, element);
    button.hidden = !this.#permissions.moderates || person.mine;
    button.ariaLabel = button.title = personMenuTitle(person.name);
    button.ariaHasPopup = "menu";
    button.dataset.user = person.user;
    button.addEventListener("click", () => this.#openMenu(button, person));
    return element;
  }

  /** @param {Element} button @param {import("../../state/room/room-people.js").Member} person */
  #openMenu(button, person) {
    const moderate = (/** @type {object} */ moderation) => {
      this.dispatchEvent(new CustomEvent("action", { detail: { action: "moderate", moderation } }));
    };
    menus.use(({ menu, itemsAbout }) => {
      menu.open(button, personMenuTitle(person.name), itemsAbout(person, this.#permissions.inForce, moderate));
    });
  }
}
