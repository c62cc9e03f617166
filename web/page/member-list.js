import { find } from "./dom.js";
import { drawMember } from "./message-view.js";
import { countText } from "./text/activity.js";

/** From this width on the list is beside the messages. The same as in style.css. */
const WIDE = "(min-width: 64rem)";

/** The number of members, and the list of them. In a narrow window the list covers the messages. */
export class MemberList {
  #button = find("#count", HTMLButtonElement);
  #panel = find("#people", HTMLElement);
  #list = find("#members", HTMLUListElement);
  #unlisted = find("#unlisted", HTMLElement);
  #wide = matchMedia(WIDE);
  /** @type {import("./room-people.js").Members | undefined} */
  #shown;

  constructor() {
    this.#open(this.#wide.matches);
    this.#button.addEventListener("click", () => this.#open(this.#button.ariaExpanded !== "true"));
    this.#wide.addEventListener("change", ({ matches }) => this.#open(matches));
    document.addEventListener("keydown", ({ key }) => key === "Escape" && this.#dismiss());
    document.addEventListener("pointerdown", ({ target }) => {
      const inside = target instanceof Element && target.closest("#people, #count");
      if (!inside) this.#dismiss();
    });
  }

  /** @param {import("./room-people.js").Members | undefined} members - undefined until they are known */
  show(members) {
    if (members === this.#shown) return;
    this.#shown = members;
    this.#button.textContent = members ? countText(members) : "Who is here";
    const people = members?.people ?? [];
    this.#list.replaceChildren(...people.map(drawMember));
    this.#unlisted.hidden = !members || people.length > 0;
  }

  /** @param {boolean} open */
  #open(open) {
    this.#panel.hidden = !open;
    this.#button.ariaExpanded = String(open);
  }

  /** Close the list, if it covers the messages. */
  #dismiss() {
    if (this.#panel.hidden || this.#wide.matches) return;
    if (this.#panel.contains(document.activeElement)) this.#button.focus();
    this.#open(false);
  }
}
