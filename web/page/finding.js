import { Keys } from "./views/finding/keys.js";
import { KeysView } from "./views/finding/keys-view.js";
import { Palette } from "./views/finding/palette.js";
import { SearchView } from "./views/finding/search.js";
import { meantRoom } from "./text/room-name.js";
import { COMMANDS, enterText, IS_HERE, searchText, unreadText } from "./words/palette.js";
import { NO_MESSAGE_SINCE, NOT_LOADED } from "./words/search.js";

/** @typedef {import("./views/finding/palette.js").Choice} Choice */

/**
 * What leads somewhere: the palette, the search, links to messages and the keys. Like main.js it knows both the state and
 * the views.
 */
export class Finding {
  #palette = new Palette();
  #keys = new Keys();
  #keysView = new KeysView();
  /** @type {import("./state/history/search.js").Search | null} */
  #search = null;
  #searchView;
  #page;
  #rooms;
  #place;
  #tools;

  /**
   * @param {object} parts
   * @param {import("./views/page.js").Page} parts.page
   * @param {import("./state/rooms/chat-rooms.js").ChatRooms} parts.rooms
   * @param {import("./state/place.js").Place} parts.place
   * @param {() => readonly {room: string, unread: number, mentions: number}[]} parts.list - the user's rooms, as they are listed
   * @param {(room: string) => void} parts.enter - a room
   * @param {() => void} parts.copyLink - to the open room
   * @param {(room: string) => readonly Choice[]} parts.choices - further commands, for the open room
   */
  constructor({ page, rooms, place, list, enter, copyLink, choices }) {
    this.#page = page;
    this.#rooms = rooms;
    this.#place = place;
    this.#tools = { list, enter, copyLink, choices };
    this.#searchView = new SearchView(page.pane);
    this.#listen();
  }

  /** Show a message of the open room, wherever it is. @param {number} seq */
  async goTo(seq) {
    try {
      await this.#rooms.open.history.goTo(seq);
    } catch {
      this.#rooms.open.note(NOT_LOADED);
    }
  }

  /** The open room is another one. */
  onRoom() {
    this.#endSearch();
    if (this.#place.at) this.goTo(this.#place.at);
  }

  #listen() {
    const view = this.#searchView;
    view.addEventListener("search", (/** @type {any} */ { detail: query }) => this.#searchFor(query));
    view.addEventListener("further", () => this.#search?.lookFurther());
    view.addEventListener("find", (/** @type {any} */ { detail: seq }) => {
      this.#page.pane.closeIfModal();
      this.goTo(seq);
    });
    view.addEventListener("day", (/** @type {any} */ { detail: day }) => this.#goToDay(day));
    this.#page.addEventListener("search", () => view.open());
    this.#page.addEventListener("palette", () => this.#openPalette());
    this.#keys.addEventListener("palette", () => this.#openPalette());
    this.#keys.addEventListener("search", () => view.open());
    this.#keys.addEventListener("keys", () => this.#keysView.open());
    this.#keys.addEventListener("type", () => this.#page.focusField());
    this.#keys.addEventListener("region", (/** @type {any} */ { detail: step }) => this.#page.focusRegion(step));
    this.#keys.addEventListener("room", (/** @type {any} */ { detail }) => this.#step(detail));
  }

  /** @param {string} query */
  #searchFor(query) {
    this.#endSearch();
    if (!query) return;
    const search = this.#rooms.open.search(query);
    this.#search = search;
    search.addEventListener("change", () => this.#searchView.show(search.found));
    this.#searchView.show(search.found);
  }

  #endSearch() {
    this.#search?.stop();
    this.#search = null;
    this.#searchView.show(null);
  }

  /** @param {Date} day */
  async #goToDay(day) {
    try {
      if (await this.#rooms.open.history.goToDate(day)) this.#page.pane.closeIfModal();
      else this.#searchView.say(NO_MESSAGE_SINCE);
    } catch {
      this.#searchView.say(NOT_LOADED);
    }
  }

  #openPalette() {
    const { room, members } = this.#rooms.open;
    const listed = this.#tools.list();
    const choices = [
      ...listed.map((each) => this.#roomChoice(each)),
      ...(members?.people ?? []).filter(({ mine }) => !mine).map(({ name }) => this.#personChoice(name)),
      ...this.#commands(),
      ...this.#tools.choices(room),
    ];
    this.#palette.open(choices, (query) => this.#further(query, room, new Set(listed.map((each) => each.room))));
  }

  /** What can be done with what was typed. @param {string} query @param {string} room @param {Set<string>} known @returns {Choice[]} */
  #further(query, room, known) {
    const meant = meantRoom(query, known);
    /** @type {Choice[]} */
    const enter = meant && !known.has(meant) ? [{ kind: "enter", text: enterText(meant), act: () => this.#tools.enter(meant) }] : [];
    return [...enter, { kind: "search", text: searchText(query, room), act: () => this.#searchView.open(query) }];
  }

  /** @param {{room: string, unread: number, mentions: number}} listed @returns {Choice} */
  #roomChoice({ room, ...counts }) {
    return { kind: "room", text: room, hint: unreadText(counts), act: () => this.#tools.enter(room) };
  }

  /** @param {string} name @returns {Choice} */
  #personChoice(name) {
    return { kind: "person", text: name, hint: IS_HERE, act: () => this.#page.mention(name) };
  }

  /** @returns {Choice[]} */
  #commands() {
    return [
      { kind: "command", text: COMMANDS.people, act: () => this.#page.showPeople() },
      { kind: "command", text: COMMANDS.goToDate, act: () => this.#searchView.open() },
      { kind: "command", text: COMMANDS.copyLink, act: this.#tools.copyLink },
      { kind: "command", text: COMMANDS.keys, act: () => this.#keysView.open() },
    ];
  }

  /** Go to the room above or below, or the next one with something unread. @param {{step: number, unread: boolean}} way */
  #step({ step, unread }) {
    const { room } = this.#rooms.open;
    const listed = this.#tools.list().filter((each) => !unread || each.unread > 0 || each.mentions > 0 || each.room === room);
    const at = listed.findIndex((each) => each.room === room);
    const next = listed[(at + step + listed.length) % Math.max(1, listed.length)];
    if (next && next.room !== room) this.#tools.enter(next.room);
  }
}
