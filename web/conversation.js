import { randomId } from "./roomcast/random-id.js";
import { whyOutside } from "./refusals.js";
import { Timeline } from "./timeline.js";

const GAP = "Some messages could not be loaded.";
const ANEW = "This room's history has begun anew.";

/**
 * What is known of the time before the oldest message here. `joining`: nothing yet. `more`: there may be messages.
 * `start`: there are none. `failed`: they cannot be had. `outside`: the room would not let one in.
 *
 * @typedef {"joining" | "more" | "loading" | "start" | "failed" | "outside"} Earlier
 */

/**
 * One room as its reader has it. Dispatches `change` (detail: how many messages others have said since the last one),
 * once for all that happens together, and `over` when it has left the room. It knows no page.
 */
export class Conversation extends EventTarget {
  /** @type {Earlier} */
  earlier = "joining";
  #timeline;
  #room;
  #fresh = 0;
  #telling = false;
  #leaving = false;

  /**
   * @param {import("./roomcast.js").Roomcast} chat - not closed @param {string} name - of the room
   * @param {import("./timeline.js").Self} self
   */
  constructor(chat, name, self) {
    super();
    this.#timeline = new Timeline(self);
    const joined = chat.join(name);
    // The promise keeps one waiting while offline, and what was written before a reload is to be seen now.
    const room = chat.rooms.find((room) => room.name === name);
    if (!room) throw new TypeError("A closed chat has no rooms.");
    this.#room = room;
    this.#listen();
    for (const { id, message } of room.pending) this.#show(id, message);
    joined.then(() => this.#begin(), ({ code }) => this.#end(code));
  }

  /** @returns {readonly import("./timeline.js").Entry[]} */
  get entries() {
    return this.#timeline.entries;
  }

  get room() {
    return this.#room.name;
  }

  /** One's own messages that are not acknowledged yet, the oldest first. */
  get pending() {
    return this.#room.pending;
  }

  /** Sends a message, or with its id one that was refused, once more. @param {string} text @param {string} [id] */
  write(text, id = randomId()) {
    this.#show(id, text);
    this.#room.send(text, { ref: id }).catch(({ code }) => this.#refuse(id, code));
  }

  /** Loads what was said before the oldest message here. */
  async loadEarlier() {
    const { earlier } = this;
    const before = this.#timeline.oldest;
    if (earlier !== "more" || before === undefined) return;
    this.#know("loading");
    try {
      let page = await this.#room.history({ before });
      // Nothing but voids, whose numbers only the library knows.
      while (page.more && page.messages.length === 0) page = await this.#room.history();
      if (this.earlier !== "loading" || before !== this.#timeline.oldest) return; // It does not fit any more.
      this.#timeline.prepend(page.messages);
      this.#know(page.more ? "more" : "start");
    } catch {
      this.#know("failed");
    }
  }

  /** Drops the oldest entries, if there are very many; they can be loaded again. */
  forget() {
    if (this.#timeline.forget()) this.#know(this.#timeline.oldest ? "more" : "start");
  }

  /** Leaves the room, as soon as everything that was written here is sent; until then one may `stay`. */
  leave() {
    this.#leaving = true;
    if (this.pending.length > 0) return;
    this.#room.leave();
    this.dispatchEvent(new CustomEvent("over"));
  }

  stay() {
    this.#leaving = false;
  }

  #listen() {
    const room = this.#room;
    room.addEventListener("message", ({ detail: message }) => {
      if (this.#timeline.receive(message)) this.#fresh++;
      this.#tell();
    });
    room.addEventListener("sent", ({ detail: ack }) => {
      this.#timeline.acknowledge(ack);
      this.#settled();
    });
    room.addEventListener("refused", ({ detail: { id, code } }) => {
      this.#refuse(id, code);
      this.#settled();
    });
    room.addEventListener("gap", () => this.#note(GAP));
    room.addEventListener("reset", () => {
      this.#timeline.beginAnew(ANEW);
      this.#know("start"); // What is above is part of no log any more.
    });
    room.addEventListener("state", ({ detail: { state, code = "" } }) => {
      if (state === "left" && !this.#leaving) this.#end(code);
    });
  }

  async #begin() {
    // Nothing is before 1, yet that is answered only when the room has begun; and it tells of it a task after the join,
    // which is a second in a tab that was opened in the background.
    await this.#room.history({ before: 1 });
    await new Promise((resolve) => setTimeout(resolve));
    this.#timeline.goLive();
    const { oldest = 1 } = this.#timeline;
    this.#know(oldest > 1 ? "more" : "start");
  }

  /** @param {string} code - why one is not in the room */
  #end(code) {
    if (this.earlier === "joining") this.#know("outside");
    if (code !== "closed") this.#note(whyOutside(code));
  }

  /** @param {string} id @param {string} text */
  #show(id, text) {
    this.#timeline.write({ id, text, at: new Date().toISOString() });
    this.#tell();
  }

  /** @param {string} id @param {string} code */
  #refuse(id, code) {
    this.#timeline.refuse(id, code);
    this.#tell();
  }

  #settled() {
    this.#tell();
    if (this.#leaving) this.leave();
  }

  /** @param {string} text */
  #note(text) {
    this.#timeline.note(text);
    this.#tell();
  }

  /** @param {Earlier} earlier */
  #know(earlier) {
    this.earlier = earlier;
    this.#tell();
  }

  /** Messages come in runs: a run is told of once. */
  #tell() {
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      const detail = this.#fresh;
      this.#fresh = 0;
      this.#telling = false;
      this.dispatchEvent(new CustomEvent("change", { detail }));
    });
  }
}
