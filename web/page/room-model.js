import { randomId } from "../roomcast.js";
import { whyNotDone, whyOutside } from "./text/errors.js";
import { whatWasDone } from "./text/activity.js";
import { Timeline } from "./timeline.js";

const GAP = "Some messages could not be loaded.";
const ANEW = "This room's history has begun anew.";

/**
 * What is known of the time before the oldest message here. `joining`: nothing yet. `more`: there may be messages.
 * `start`: there are none. `failed`: they cannot be had. `outside`: the room would not let one in.
 *
 * @typedef {"joining" | "more" | "loading" | "start" | "failed" | "outside"} Earlier
 *
 * @typedef {import("../roomcast.js").Person} Person
 * @typedef {Person & {mine: boolean}} Member
 * @typedef {{count: number, approximate: boolean, members: Member[]}} People - no members: nobody knows their names
 * @typedef {"delete" | "mute" | "ban"} Act
 */

/** In seconds: how long a moderator mutes somebody here, or sends them out. */
const FOR_A_WHILE = 10 * 60;
/** In seconds: a shorter wait is none, to a person. */
const WORTH_TELLING = 2;

/**
 * One room as its reader has it. Dispatches `change` (detail: how many messages others have said since the last one),
 * once for all that happens together, and `over` when it has left the room. It knows no page.
 */
export class Conversation extends EventTarget {
  /** @type {Earlier} */
  earlier = "joining";
  /** Why one is not in the room; empty while one is, or is about to be. */
  outside = "";
  /** Who is in the room; undefined until that is known. @type {People | undefined} */
  people;
  /** Who else is writing at this moment. @type {readonly Person[]} */
  writers = [];
  #timeline;
  #room;
  /** @type {Map<string, string>} by user, of whomever one has heard of */
  #names = new Map();
  /** What moderators were seen to do; `sentOut`: the sentence that told one so. */
  #rules = { locked: false, mutedUntil: 0, sentOut: "" };
  #fresh = 0;
  #telling = false;
  #leaving = false;

  /** @param {import("../roomcast.js").Roomcast} chat - not closed @param {string} name - of the room */
  constructor(chat, name) {
    super();
    const joined = chat.join(name);
    // The promise keeps one waiting while offline, and what was written before a reload is to be seen now.
    const room = chat.rooms.find((room) => room.name === name);
    if (!room) throw new TypeError("A closed chat has no rooms.");
    this.#room = room;
    this.#timeline = new Timeline(room);
    this.#listen();
    this.#watchPeople();
    for (const { id, message } of room.pending) this.#show(id, message);
    joined.catch(({ code }) => this.#end(code));
  }

  /** @returns {readonly import("./timeline.js").Entry[]} */
  get entries() {
    return this.#timeline.entries;
  }

  get room() {
    return this.#room.name;
  }

  /** As whom one speaks here; undefined until the room is joined. */
  get name() {
    return this.#room.me?.name;
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

  /** Tells the others that one is writing. */
  typing() {
    this.#room.typing();
  }

  /** What moderators can do about a message, or its author. @param {Act} act @param {{seq: number, user: string}} to */
  async moderate(act, { seq, user }) {
    try {
      if (act === "delete") await this.#room.delete(seq);
      else await this.#room[act](user, FOR_A_WHILE);
    } catch (error) {
      this.#note(whyNotDone(/** @type {any} */ (error).code));
    }
  }

  /** Loads what was said before the oldest message here. */
  async loadEarlier() {
    const { earlier } = this;
    const before = this.#timeline.oldest;
    if (earlier !== "more" || before === undefined) return;
    this.#know("loading");
    try {
      let page = await this.#room.history({ before });
      while (page.more && page.messages.length === 0) page = await this.#room.history({ before: page.before });
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
    if (this.pending.length > 0 && !this.outside) return;
    this.#room.leave();
    this.dispatchEvent(new CustomEvent("over"));
  }

  stay() {
    this.#leaving = false;
  }

  #listen() {
    const room = this.#room;
    room.addEventListener("ready", ({ detail: { more } }) => {
      if (this.earlier !== "joining") return; // It has begun anew, below what is here.
      this.#timeline.goLive();
      this.#know(more ? "more" : "start");
    });
    room.addEventListener("message", ({ detail: message }) => {
      this.#names.set(message.user, message.name);
      if (this.#timeline.receive(message)) this.#fresh++;
      this.#tell();
    });
    room.addEventListener("sent", ({ detail: ack }) => {
      this.#timeline.acknowledge(ack);
      this.#settled();
    });
    room.addEventListener("failed", ({ detail: { id, code } }) => {
      this.#refuse(id, code);
      this.#settled();
    });
    room.addEventListener("delayed", ({ detail: { id, retryAfter } }) => {
      if (retryAfter < WORTH_TELLING) return;
      this.#timeline.delay(id, new Date(Date.now() + retryAfter * 1000));
      this.#tell();
    });
    room.addEventListener("changed", ({ detail: message }) => {
      this.#timeline.change(message);
      this.#tell();
    });
    room.addEventListener("lost", () => this.#note(GAP));
    room.addEventListener("reset", () => {
      this.#timeline.beginAnew(ANEW);
      this.#know("start"); // What is above is part of no log any more.
    });
    room.addEventListener("state", ({ detail: { state, code = "" } }) => {
      if (state === "left" && !this.#leaving) this.#end(code);
      this.#tell();
    });
  }

  #watchPeople() {
    const room = this.#room;
    room.addEventListener("presence", ({ detail: { count, approximate, members } }) => {
      for (const { user, name } of members?.values() ?? []) this.#names.set(user, name);
      const sorted = [...(members?.values() ?? [])]
        .map(({ user, name }) => ({ user, name, mine: user === room.user }))
        .sort((one, other) => Number(other.mine) - Number(one.mine) || one.name.localeCompare(other.name));
      this.people = { count, approximate, members: sorted };
      this.#tell();
    });
    room.addEventListener("typing", ({ detail: people }) => {
      this.writers = people;
      this.#tell();
    });
    room.addEventListener("moderated", ({ detail: act }) => this.#hearOf(act));
  }

  /** @param {import("../roomcast.js").Moderated} act */
  #hearOf(act) {
    const { user = "", until = "" } = act;
    const me = user === this.#room.user;
    const sentence = whatWasDone(act, me ? "you" : (this.#names.get(user) ?? "somebody"));
    if (act.action === "lock") this.#rules.locked = act.locked === true;
    if (act.action === "mute" && me) this.#rules.mutedUntil = Date.parse(until);
    if (act.action === "ban" && me) this.#rules.sentOut = sentence;
    if (sentence) this.#note(sentence);
  }

  /** @param {string} code - why one is not in the room */
  #end(code) {
    if (this.outside) return;
    const known = code === "banned" && this.#rules.sentOut;
    this.outside = known || whyOutside(code);
    this.people = undefined;
    this.writers = [];
    if (this.earlier === "joining") this.#know("outside");
    if (known || code === "closed") this.#tell();
    else this.#note(this.outside);
  }

  /** @param {string} id @param {string} text */
  #show(id, text) {
    this.#timeline.write({ id, text, at: new Date().toISOString() });
    this.#tell();
  }

  /** @param {string} id @param {string} code */
  #refuse(id, code) {
    this.#timeline.refuse(id, code === "forbidden" ? this.#whyForbidden() : code);
    this.#tell();
  }

  /** The code says that one may not write, and not why. */
  #whyForbidden() {
    if (this.#rules.locked) return "room_locked";
    return this.#rules.mutedUntil > Date.now() ? "muted" : "forbidden";
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
