import { KeysView } from "./views/finding/keys-view.js";
import { say } from "./views/feedback.js";
import { openDay, openKeys, openSearch } from "./views/finding/dialogs.js";
import { Palette } from "./views/finding/palette.js";
import { isFindable, Search, seqSince } from "./state/history/search.js";
import { SearchView } from "./views/finding/search.js";
import { meantRoom } from "./text/room-name.js";
import { COMMANDS, enterText, IS_HERE, searchText, unreadText } from "./words/palette.js";
import { NO_MESSAGE_SINCE } from "./words/search.js";
import { NOT_LOADED } from "./words/going.js";

/** @typedef {import("./views/finding/palette.js").Choice} Choice */

/**
 * What somebody looks for: the palette, the search and the table of the keys, whose dialogs are open already. It is loaded
 * late. Like main.js it knows both the state and the views.
 */
export class Finding {
  #palette = new Palette();
  #keysView = new KeysView();
  /** @type {Search | null} */
  #search = null;
  #searchView = new SearchView();
  /** @type {Date | undefined} that was last gone to */
  #day;
  #page;
  #rooms;
  #room; // that was open
  #tools;

  /**
   * @param {object} parts
   * @param {import("./views/page.js").Page} parts.page
   * @param {import("./state/rooms/chat-rooms.js").ChatRooms} parts.rooms
   * @param {() => readonly {room: string, unread: number, mentions: number}[]} parts.list - the user's rooms, as they are listed
   * @param {(room: string) => void} parts.enter - a room
   * @param {(seq: number) => Promise<void>} parts.goTo - a message of the open room
   * @param {() => void} parts.copyLink - to the open room
   * @param {(room: string) => readonly Choice[]} parts.choices - further commands, for the open room
   */
  constructor({ page, rooms, ...tools }) {
    this.#page = page;
    this.#rooms = rooms;
    this.#room = rooms.open;
    this.#tools = tools;
    this.#listen();
    if (page.pane.section === "search") this.#searchView.submit(); // Its words were there first.
  }

  /** Show in the palette what there is to choose. */
  showChoices() {
    const { room, members } = this.#rooms.open;
    const listed = this.#tools.list();
    const choices = [
      ...listed.map((each) => this.#roomChoice(each)),
      ...(members?.people ?? []).filter(({ mine }) => !mine).map(({ name }) => this.#personChoice(name)),
      ...this.#commands(),
      ...this.#tools.choices(room),
    ];
    this.#palette.show(choices, (query) => this.#further(query, room, new Set(listed.map((each) => each.room))));
  }

  showKeys() {
    this.#keysView.show();
  }

  /** The user has entered a room, or is in the same one again. */
  onRoom() {
    if (this.#rooms.open === this.#room) return;
    this.#room = this.#rooms.open;
    this.#endSearch();
    this.#searchView.end();
  }

  #endSearch() {
    this.#search?.stop();
    this.#search = null;
    this.#searchView.show(null);
  }

  #listen() {
    const view = this.#searchView;
    view.addEventListener("search", (/** @type {any} */ { detail: query }) => this.#searchFor(query));
    view.addEventListener("further", () => this.#search?.lookFurther());
    view.addEventListener("find", (/** @type {any} */ { detail: seq }) => {
      this.#page.pane.closeIfModal();
      this.#tools.goTo(seq);
    });
    view.addEventListener("day", (/** @type {any} */ { detail: day }) => this.#goToDay(day));
  }

  /** @param {string} query */
  #searchFor(query) {
    this.#endSearch();
    if (!query) return;
    const { log, user, newest, history } = this.#rooms.open;
    const known = newest.filter(isFindable);
    const search = new Search(log, user, query, known, history.hasEarlier);
    this.#search = search;
    search.addEventListener("change", () => this.#searchView.show(search.found));
    this.#searchView.show(search.found);
  }

  /** Show the first message since a day. @param {Date} day */
  async #goToDay(day) {
    const { open } = this.#rooms;
    this.#day = day;
    const isWanted = () => day === this.#day && open === this.#rooms.open;
    try {
      const seq = await seqSince(open.log, day);
      if (!isWanted()) return;
      if (seq === null) return this.#searchView.say(NO_MESSAGE_SINCE);
      await open.history.goTo(seq);
      if (isWanted()) this.#page.pane.closeIfModal();
    } catch {
      if (isWanted()) say(NOT_LOADED);
    }
  }

  /** What can be done with what was typed. @param {string} query @param {string} room @param {Set<string>} known @returns {Choice[]} */
  #further(query, room, known) {
    const meant = meantRoom(query, known);
    /** @type {Choice[]} */
    const enter = meant && !known.has(meant) ? [{ kind: "enter", text: enterText(meant), act: () => this.#tools.enter(meant) }] : [];
    return [...enter, { kind: "search", text: searchText(query, room), act: () => this.#searchTyped(query) }];
  }

  /** @param {string} query */
  #searchTyped(query) {
    openSearch(this.#page.pane, query);
    this.#searchView.submit();
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
      { kind: "command", text: COMMANDS.goToDate, act: () => openDay(this.#page.pane) },
      { kind: "command", text: COMMANDS.copyLink, act: this.#tools.copyLink },
      { kind: "command", text: COMMANDS.keys, act: () => {
        openKeys();
        this.showKeys();
      } },
    ];
  }
}
