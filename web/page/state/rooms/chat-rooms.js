import { browserClock } from "../clock.js";
import { RoomModel } from "../room/room-model.js";

/**
 * How many rooms stay joined behind the open one: those that were visited last. Each message there reaches this page, and
 * who comes and goes: the protocol has no membership without presence.
 */
const MAX_BEHIND = 5;
/** Milliseconds between two times that what is shown is kept on the device. */
const KEEP_INTERVAL = 5_000;
/** Milliseconds. A browser's timers take no longer time. */
const MAX_TIMER = 2 ** 31 - 1;

/**
 * The rooms that the reader has visited since the page was opened. The last ones stay joined, and so are shown at once, as
 * they are now, also offline. Dispatches `change` when the open room has changed.
 */
export class ChatRooms extends EventTarget {
  /** @type {Map<string, RoomModel>} by room, the one that was visited last at the end */
  #models = new Map();
  /** @type {RoomModel | undefined} */
  #open;
  /** @type {Set<RoomModel>} those that have changed since they were kept on the device */
  #unkept = new Set();
  /** @type {any} */
  #keepTimer;
  /** @type {any} */
  #returnTimer;
  #chat;
  #memory;
  #clock;

  /**
   * @param {import("../../../roomcast.js").Roomcast} chat @param {import("./room-memory.js").RoomMemory} memory
   * @param {import("../clock.js").Clock} [clock]
   */
  constructor(chat, memory, clock = browserClock) {
    super();
    this.#chat = chat;
    this.#memory = memory;
    this.#clock = clock;
  }

  /** The room on the screen. @returns {RoomModel} */
  get open() {
    if (!this.#open) throw new TypeError("No room was entered.");
    return this.#open;
  }

  /** True while messages wait to be sent, in any room. */
  get isSending() {
    return [...this.#models.values()].some(({ pending }) => pending.length > 0);
  }

  /** Go to a room, or into the open one again. @param {string} name - of the room */
  enter(name) {
    const known = this.#models.get(name);
    if (known?.absence) this.#part(known);
    const model = this.#models.get(name) ?? this.#make(name);
    this.#models.delete(name);
    this.#models.set(name, model);
    model.cancelLeave();
    if (model !== this.#open) {
      this.#open?.reading.leave();
      model.reading.comeBack();
    }
    if (this.#open !== model) this.#open?.acts.finish();
    this.#open = model;
    const others = [...this.#models.values()].filter((each) => each !== model);
    for (const other of others.slice(0, -MAX_BEHIND)) this.#part(other);
    this.#planReturn();
  }

  /** The rooms that are known by name. @returns {Set<string>} */
  get known() {
    return new Set([...this.#models.keys(), ...this.#memory.rooms]);
  }

  /** Be in a room no longer that is not open. @param {string} name */
  park(name) {
    const model = this.#models.get(name);
    if (model && model !== this.#open) this.#part(model);
  }

  /** Keep on the device what is shown, as before the page goes. */
  keep() {
    this.#clock.clearTimeout(this.#keepTimer);
    this.#keepTimer = undefined;
    for (const model of this.#unkept) if (model.isKeepable) this.#memory.keep(model.room, model.newest);
    this.#unkept.clear();
  }

  /** @param {string} name @returns {RoomModel} */
  #make(name) {
    const model = new RoomModel(this.#chat, name, this.#memory);
    this.#models.set(name, model);
    model.addEventListener("change", (event) => {
      this.#unkept.add(model);
      this.#keepTimer ??= this.#clock.setTimeout(() => this.keep(), KEEP_INTERVAL);
      if (model !== this.#open) return;
      this.#planReturn();
      this.dispatchEvent(new CustomEvent("change", { detail: /** @type {CustomEvent} */ (event).detail }));
    });
    model.addEventListener("left", () => this.#models.get(name) === model && this.#models.delete(name));
    return model;
  }

  /** Leave a room as soon as all is sent. @param {RoomModel} model */
  #part(model) {
    this.keep();
    model.leave();
  }

  /** Whoever was sent out for a time is let in again after it. */
  #planReturn() {
    this.#clock.clearTimeout(this.#returnTimer);
    const { room, absence, absentUntil } = this.open;
    if (!absence || !absentUntil) return;
    const delay = Math.min(MAX_TIMER, Math.max(0, absentUntil - this.#clock.now()));
    this.#returnTimer = this.#clock.setTimeout(() => {
      if (absentUntil > this.#clock.now()) return this.#planReturn();
      this.enter(room);
      this.dispatchEvent(new CustomEvent("change"));
    }, delay);
  }
}
