import { focusRegion } from "./views/finding/regions.js";
import { Keys } from "./views/finding/keys.js";
import { say } from "./views/feedback.js";
import { openKeys, openPalette, openSearch } from "./views/finding/dialogs.js";
import { NOT_LOADED } from "./words/going.js";

/**
 * The keys that work anywhere on the page, and where they lead: to rooms, messages, and what things are found with, which is
 * loaded late. Like main.js it knows both the state and the views.
 */
export class Going {
  #keys = new Keys();
  #page;
  #rooms;
  #place;
  #list;
  #enter;
  #finding;

  /**
   * @param {object} parts
   * @param {import("./views/page.js").Page} parts.page
   * @param {import("./state/rooms/chat-rooms.js").ChatRooms} parts.rooms
   * @param {import("./state/place.js").Place} parts.place
   * @param {() => readonly {room: string, unread: number, mentions: number}[]} parts.list - the user's rooms, as they are listed
   * @param {(room: string) => void} parts.enter - a room
   * @param {import("./late.js").Late<import("./finding.js").Finding>} parts.finding
   */
  constructor({ page, rooms, place, list, enter, finding }) {
    this.#page = page;
    this.#rooms = rooms;
    this.#place = place;
    this.#list = list;
    this.#enter = enter;
    this.#finding = finding;
    this.#listen();
  }

  /** Show a message of the open room, wherever it is. @param {number} seq */
  async goTo(seq) {
    try {
      await this.#rooms.open.history.goTo(seq);
    } catch {
      say(NOT_LOADED);
    }
  }

  /** The user has entered a room, or is in the same one again. */
  onRoom() {
    this.#finding.part?.onRoom();
    if (this.#place.at) this.goTo(this.#place.at);
  }

  #listen() {
    for (const part of [this.#page, this.#keys]) {
      part.addEventListener("palette", () => openPalette() && this.#finding.use((finding) => finding.showChoices()));
      part.addEventListener("search", () => {
        openSearch(this.#page.pane);
        this.#finding.use(() => {}); // It searches for what is typed.
      });
    }
    this.#keys.addEventListener("keys", () => {
      openKeys();
      this.#finding.use((finding) => finding.showKeys());
    });
    this.#keys.addEventListener("type", () => this.#page.compose());
    this.#keys.addEventListener("region", (/** @type {any} */ { detail: step }) => focusRegion(step));
    this.#keys.addEventListener("room", (/** @type {any} */ { detail }) => this.#step(detail));
  }

  /** Go to the room above or below, or the next one with something unread. @param {{step: number, unread: boolean}} way */
  #step({ step, unread }) {
    const { room } = this.#rooms.open;
    const listed = this.#list().filter((each) => !unread || each.unread > 0 || each.mentions > 0 || each.room === room);
    const at = listed.findIndex((each) => each.room === room);
    const next = listed[(at + step + listed.length) % Math.max(1, listed.length)];
    if (next && next.room !== room) this.#enter(next.room);
  }
}
