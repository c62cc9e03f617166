import { Places } from "./places.js";
import { Requests } from "./requests.js";
import { RoomList } from "./room-list.js";
import { rooms } from "../../protocol/subscriptions.js";

/**
 * @typedef {import("../../protocol/error.js").RoomcastError} RoomcastError
 * @typedef {import("../room.js").Room} Room
 */

/** What belongs to this client's user and to no single room: the list of rooms, and the inbox. */
export class Subscriptions {
  #requests;
  #places;
  #list;
  /** @type {Promise<Room> | null} */
  #inbox = null;
  #join;

  /**
   * @param {{subscription: (room: string) => import("./subscription.js").Subscription | undefined,
   *   join: (room: string) => Promise<Room>, onError: (error: RoomcastError) => void,
   *   clock: import("../../transport/clock.js").Clock, random: () => number}} tools - `subscription`: of a joined room
   */
  constructor({ subscription, join, onError, clock, random }) {
    this.#join = join;
    this.#requests = new Requests({ clock, random });
    this.#places = new Places({ ask: this.ask, subscription, onChange: () => this.#list.onChange(), onError, clock });
    this.#list = new RoomList(this.#places);
  }

  /** @type {import("./requests.js").Ask} */
  ask = (make, signal) => this.#requests.request(make, signal);

  /** @returns {import("./subscription.js").Watcher} */
  get watcher() {
    return this.#places;
  }

  /** The list; it is read from the server from the first call on. */
  list() {
    this.#places.start();
    return this.#list;
  }

  inbox() {
    this.#inbox ??= this.#joinInbox();
    return this.#inbox;
  }

  /** @param {import("../../transport/socket.js").Socket} socket */
  onOpen(socket) {
    this.#requests.onOpen(socket);
    this.#places.load();
  }

  onShown() {
    this.#places.refresh();
  }

  /** @param {import("../../protocol/subscriptions.js").NoticeFrame} notice */
  onNotice(notice) {
    this.#places.onNotice(notice);
  }

  /** A room was left. It may be the inbox. */
  onLeft() {
    this.#inbox = null;
  }

  /** @param {RoomcastError} error */
  end(error) {
    this.#requests.end(error);
  }

  async #joinInbox() {
    try {
      const { you } = await this.ask(() => rooms({ limit: 1 }));
      return await this.#join(`@${you.user}`);
    } catch (error) {
      this.#inbox = null; // The next call may find it.
      throw error;
    }
  }
}
