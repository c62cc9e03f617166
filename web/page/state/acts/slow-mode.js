/** When slow mode lets the user's next message through. */
export class SlowMode {
  #until = 0;
  #room;

  /** @param {import("../../../roomcast.js").Room} room */
  constructor(room) {
    this.#room = room;
    room.addEventListener("sent", ({ detail: { of } }) => {
      if (of === undefined) this.#until = Date.now() + (room.rules?.slowMode ?? 0) * 1000;
    });
    room.addEventListener("delayed", ({ detail: { retryAfter } }) => {
      if (this.isOn) this.#until = Date.now() + retryAfter * 1000;
    });
  }

  /** True if the user has to wait between two messages. */
  get isOn() {
    return Boolean(this.#room.rules?.slowMode && !this.#room.rules.moderator);
  }

  /** In milliseconds since 1970, by this computer's clock; 0 if the user need not wait. */
  get until() {
    return this.isOn ? this.#until : 0;
  }
}
