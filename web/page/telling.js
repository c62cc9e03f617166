import { Notices, roomsWithMentions } from "./state/notices.js";
import { Notifier } from "./views/notifier.js";
import { levelText } from "./words/notices.js";
import { COMMANDS } from "./words/palette.js";

/** @typedef {import("./views/finding/palette.js").Choice} Choice */

/** What is told while nobody looks at the page. It is loaded late. Like main.js it knows both the state and the views. */
export class Telling {
  #notices;
  #notifier = new Notifier();

  /**
   * @param {object} parts
   * @param {import("../roomcast.js").Roomcast} parts.chat
   * @param {import("./state/rooms/chat-rooms.js").ChatRooms} parts.rooms
   * @param {{device: import("./state/device.js").Device, owner: string}} parts.person
   * @param {(room: string) => void} parts.enter - a room
   */
  constructor({ chat, rooms, person: { device, owner }, enter }) {
    const notices = new Notices(device, owner);
    const notifier = this.#notifier;
    this.#notices = notices;
    const update = (/** @type {readonly import("../roomcast.js").ListedRoom[]} */ list) => {
      notices.update(list, rooms.open.user);
      notifier.showCount(roomsWithMentions(list));
    };
    chat.rooms().addEventListener("changed", ({ detail: { list } }) => update(list));
    update(chat.rooms().list);
    notices.addEventListener("notice", (/** @type {any} */ { detail: notice }) => notifier.tell(notice));
    notifier.addEventListener("open", (/** @type {any} */ { detail: room }) => enter(room));
  }

  /** What the user can choose about a room. @param {string} room @returns {Choice[]} */
  choices(room) {
    const level = this.#notices.levelOf(room);
    const others = /** @type {const} */ (["all", "mentions", "none"]).filter((each) => each !== level);
    /** @type {Choice[]} */
    const choices = others.map((each) => ({
      kind: "command", text: levelText(each, room), act: () => this.#notices.setLevel(room, each),
    }));
    if (this.#notifier.canAsk) choices.unshift({ kind: "command", text: COMMANDS.notify, act: () => this.#notifier.ask() });
    return choices;
  }
}
