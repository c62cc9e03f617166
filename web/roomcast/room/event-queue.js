/** The events of one room, in order. They wait until somebody can listen, and are dispatched at once from then on. */
export class EventQueue {
  /** @type {Event[] | null} that wait; null: none does any more */
  #waiting = [];
  #dispatch;
  #clock;

  /** @param {(event: Event) => void} dispatch @param {import("../transport/clock.js").Clock} clock */
  constructor(dispatch, clock) {
    this.#dispatch = dispatch;
    this.#clock = clock;
  }

  /**
   * @template {keyof import("./room.js").RoomEvents} Type
   * @param {Type} type @param {import("./room.js").RoomEvents[Type]} detail
   */
  emit(type, detail) {
    const event = new CustomEvent(type, { detail });
    if (this.#waiting) this.#waiting.push(event);
    else this.#dispatch(event);
  }

  /** Dispatch in a later task, so that the caller that awaits the join can add its listeners first. */
  start() {
    if (this.#waiting) this.#clock.setTimeout(() => this.#flush(), 0);
  }

  #flush() {
    // An event that a listener causes is appended, so it comes after the earlier ones.
    for (let event; (event = this.#waiting?.shift()); ) this.#dispatch(event);
    this.#waiting = null;
  }
}
