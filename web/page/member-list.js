import { find } from "./dom.js";
import { drawPerson } from "./message-view.js";
import { whoIsHere } from "./text/activity.js";

/** As in style.css: from this width on there is room for the list beside the messages. */
const WIDE = "(min-width: 64rem)";

/** How many are in the room, and the list of them. Where there is no room for it, it lies over the messages. */
export class People {
  #button = find("#count", HTMLButtonElement);
  #panel = find("#people", HTMLElement);
  #list = find("#members", HTMLUListElement);
  #crowd = find("#crowd", HTMLElement);
  #wide = matchMedia(WIDE);
  /** @type {import("./room-model.js").People | undefined} */
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

  /** @param {import("./room-model.js").People | undefined} people - undefined: nothing is known of them yet */
  show(people) {
    if (people === this.#shown) return;
    this.#shown = people;
    this.#button.textContent = people ? whoIsHere(people) : "Who is here";
    const members = people?.members ?? [];
    this.#list.replaceChildren(...members.map(drawPerson));
    this.#crowd.hidden = !people || members.length > 0;
  }

  /** @param {boolean} open */
  #open(open) {
    this.#panel.hidden = !open;
    this.#button.ariaExpanded = String(open);
  }

  /** Goes out of the way of the messages, if it lies over them. */
  #dismiss() {
    if (this.#panel.hidden || this.#wide.matches) return;
    if (this.#panel.contains(document.activeElement)) this.#button.focus();
    this.#open(false);
  }
}
