import { roomActions, roomMenuTitle, toRoomsText } from "../../words/rooms.js";
import { find, isOfInputMethod, setText } from "../dom.js";
import { menus } from "../menus.js";
import { drawFace } from "../message/message-view.js";
import { RoomLines } from "./room-lines.js";

/** @typedef {import("../../state/rooms/directory.js").RoomLine} RoomLine */

/**
 * The side bar: the rooms, a field to enter another one, and who one is. Dispatches `go` (detail: a room, maybe as somebody
 * types it), `rename` (detail: a name), and what is to be done with a room: `star` and `mute` (detail: the room, and if it
 * is to be), `copy` for its link and `unfollow` (detail: the room). The open room's menu is in its header, too.
 */
export class Rooms extends EventTarget {
  #lines = new RoomLines();
  #add = find("#add", HTMLButtonElement);
  #entering = find("#entering", HTMLFormElement);
  #room = find("#room", HTMLInputElement);
  #offered = find("#known-rooms", HTMLDataListElement);
  #known = () => /** @type {string[]} */ ([]);
  #self = find("#self", HTMLButtonElement);
  #profile = find("#profile", HTMLFormElement);
  #name = find("#name", HTMLInputElement);
  #toRooms = find("#to-rooms", HTMLButtonElement);
  /** @type {RoomLine | undefined} */
  #open;

  constructor() {
    super();
    this.#lines.addEventListener("choose", (/** @type {any} */ { detail: room }) => this.#tell("go", room));
    this.#lines.addEventListener("menu", (/** @type {any} */ { detail }) => this.#openMenu(detail.line, detail.button));
    const ofOpen = find("#room-menu", HTMLButtonElement);
    for (const element of [ofOpen, find("#title", HTMLElement)]) {
      element.addEventListener("click", () => this.#open && this.#openMenu(this.#open, ofOpen));
    }
    this.#add.addEventListener("click", () => this.#offerRooms());
    this.#unfold(this.#add, this.#entering, this.#room, () => this.#room.value && this.#tell("go", this.#room.value));
    this.#unfold(this.#self, this.#profile, this.#name, () => this.#tell("rename", this.#name.value));
  }

  /**
   * @param {readonly import("../../state/rooms/directory.js").Section[]} sections @param {(room: string) => string} linkTo
   * @param {() => string[]} known - the rooms that are offered to whoever enters another one
   */
  show(sections, linkTo, known) {
    this.#known = known;
    this.#lines.show(sections, linkTo);
    this.#open = sections.flatMap(({ lines }) => lines).find(({ isOpen }) => isOpen);
    const news = sections.find(({ kind }) => kind === "unread")?.lines.length ?? 0;
    this.#toRooms.setAttribute("aria-label", toRoomsText(news));
    this.#toRooms.classList.toggle("dotted", news > 0);
  }

  /** @param {{user: string, name: string, isFixed: boolean, guest: string}} self - `isFixed`: a token names the user; `guest`: without a name */
  showSelf({ user, name, isFixed, guest }) {
    const shown = name || guest;
    setText(find(".who", HTMLElement, this.#self), shown);
    drawFace(this.#self, { user, name: shown });
    this.#self.disabled = isFixed;
    this.#name.defaultValue = name;
    this.#name.placeholder = guest;
  }

  /**
   * A button that opens a form of one field, or closes it, as Escape does. Enter does what the form is for.
   * @param {HTMLButtonElement} button @param {HTMLFormElement} form @param {HTMLInputElement} field @param {() => void} act
   */
  #unfold(button, form, field, act) {
    const show = (/** @type {boolean} */ isOpen) => {
      form.hidden = !isOpen;
      button.setAttribute("aria-expanded", String(isOpen));
    };
    button.addEventListener("click", () => {
      show(Boolean(form.hidden));
      if (form.hidden) return;
      form.reset();
      field.focus();
      field.select();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      show(false);
      button.focus();
      act(); // It may take the focus elsewhere.
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || isOfInputMethod(event)) return;
      event.stopPropagation(); // It closes this, and no more.
      show(false);
      button.focus();
    });
  }

  #offerRooms() {
    const options = this.#known().map((room) => Object.assign(document.createElement("option"), { value: room }));
    this.#offered.replaceChildren(...options);
  }

  /** @param {RoomLine} line @param {HTMLElement} button */
  #openMenu(line, button) {
    const { room } = line;
    const items = roomActions(line).map(([action, label, on]) => ({
      label,
      isGrave: action === "unfollow",
      run: () => this.#tell(action, on === undefined ? room : { room, on }),
    }));
    menus.use(({ menu }) => menu.open(button, roomMenuTitle(room), items));
  }

  /** @param {string} type @param {unknown} detail */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
