// A bit over 300 lines: most of them say what the methods of this face of the library promise.
import { Emitter } from "../emitter.js";
import { moderate } from "../protocol/frames.js";

/**
 * @typedef {import("../protocol/entries.js").Message} Message
 * @typedef {import("../protocol/frames.js").Ack} Ack
 * @typedef {import("../protocol/entries.js").Person} Person
 * @typedef {import("../protocol/entries.js").PersonsReaction} PersonsReaction
 * @typedef {import("../protocol/frames.js").Moderated} Moderated
 * @typedef {import("./presence.js").Presence} Presence
 * @typedef {import("./rules.js").Rules} Rules
 * @typedef {"joining" | "joined" | "left"} RoomState - also "joining" while it is joined again on a new
 *   connection
 * @typedef {import("./room-events.js").RoomEvents} RoomEvents
 */

/**
 * A joined room. Get one from Roomcast's `join`.
 *
 * @extends {Emitter<RoomEvents>}
 */
export class Room extends Emitter {
  #session;
  #leave;

  /** @internal @param {string} name @param {import("./session.js").Session} session @param {() => Promise<void>} leave */
  constructor(name, session, leave) {
    super();
    /** @readonly */
    this.name = name;
    this.#session = session;
    this.#leave = leave;
  }

  /** @returns {RoomState} */
  get state() {
    return this.#session.state;
  }

  /** The user that this client is to the server. Undefined until the room is joined. @returns {Person | undefined} */
  get me() {
    return this.#session.me;
  }

  /** The `user` of this client's messages, and of the same user's in other tabs. @returns {string | undefined} */
  get user() {
    return this.me?.user;
  }

  /**
   * What holds for this user here, such as a lock: disable the field for messages unless `mayWrite`. Undefined until the
   * room is joined.
   *
   * @returns {Readonly<Rules> | undefined}
   */
  get rules() {
    return this.#session.rules.current;
  }

  /**
   * The members of the room, by user. Null above the presence limit of 200 connections, and until it is known. It is
   * requested by the first listener to `presence`, or by `presence()`.
   *
   * @returns {ReadonlyMap<string, Person> | null}
   */
  get members() {
    return this.#session.presence.current?.members ?? null;
  }

  /**
   * The number of members; above the presence limit, about how many connections. Null until it is known.
   *
   * @returns {number | null}
   */
  get count() {
    return this.#session.presence.current?.count ?? null;
  }

  /**
   * This user's messages that the server has not acknowledged, oldest first. After a page reload they include those of
   * the page before, which are sent again; with a `token` function from its first token on. Never another user's.
   *
   * @returns {{id: string, message: string, data?: unknown, replyTo?: number, mentions?: string[], deleted?: boolean,
   *   reactions?: Message["reactions"], tried?: boolean}[]} `tried`: the server may have it
   */
  get pending() {
    return this.#session.writer.pending;
  }

  /**
   * This user's changes that the server has not acknowledged, as `pending`. `ref`: the pending message to change.
   *
   * @returns {import("./sending/writer.js").PendingChange[]}
   */
  get pendingChanges() {
    return this.#session.writer.pendingChanges;
  }

  /**
   * Send a message, now or when the connection is back. It is retried until it is stored, and stored once.
   *
   * @param {string} message - 1 to 4,000 characters
   * @param {{data?: unknown, replyTo?: number, mentions?: string[], ref?: string}} [options] - `data`: any JSON up to
   *   4 KB; `replyTo`: the seq of the message that it answers; `mentions`: up to 50 users, who are told if they have
   *   subscribed to the room; `ref`: an id of your own, unique per message. With the ref of a pending message, the
   *   promise is that message's
   * @returns {Promise<Ack>} when it is stored
   * @throws {import("../protocol/error.js").RoomcastError} the server's, or `queue_full`, `expired`, `left`, `closed`
   */
  send(message, options = {}) {
    return this.#session.writer.send(message, options);
  }

  /**
   * Give a message of this user's own another text, and other data. This and the next two are shown at once by the
   * events `changed` and `reactions`, with `pending`, and sent after what was written before, as `send` does.
   *
   * @param {number | string} message - its seq, or its ref while it is pending: if it was never sent, it is sent with
   *   the new text, and the promise is that message's
   * @param {string} text @param {{data?: unknown}} [options] - `data`: without it the message has none any more
   * @returns {Promise<Ack>} when it is stored
   * @throws {import("../protocol/error.js").RoomcastError} as `send`; the message is then shown as it was
   */
  edit(message, text, { data } = {}) {
    return /** @type {Promise<Ack>} */ (this.#session.writer.change(message, { action: "edit", message: text, data }));
  }

  /**
   * Delete a message of this user's own, for a moderator any: its text, data and reactions.
   *
   * @param {number | string} message - its seq, or its ref while it is pending
   * @returns {Promise<Ack | null>} when it is stored; null if the message was never sent and never will be. Its own
   *   promise is then rejected with the code `deleted`
   * @throws {import("../protocol/error.js").RoomcastError}
   */
  delete(message) {
    return this.#session.writer.change(message, { action: "delete" });
  }

  /**
   * React to a message, or take a reaction back.
   *
   * @param {number | string} message - its seq, or its ref while it is pending
   * @param {string} reaction - 1 to 32 characters, such as an emoji @param {boolean} [on] - false: take it back
   * @returns {Promise<Ack>} when it is stored
   * @throws {import("../protocol/error.js").RoomcastError}
   */
  react(message, reaction, on = true) {
    return /** @type {Promise<Ack>} */ (this.#session.writer.change(message, { action: "react", reaction, on }));
  }

  /**
   * All who have reacted to a message, ordered by reaction and user: `for await (const person of room.reactions(42))`.
   * They are requested a page at a time.
   *
   * @param {number} seq
   * @returns {AsyncGenerator<PersonsReaction, void, undefined>} throws a RoomcastError
   */
  reactions(seq) {
    return this.#session.reactions(seq);
  }

  /**
   * Return a message as it is now, such as one that is to be quoted. If it is not loaded, it is requested, and `changed`
   * and `reactions` tell of it from then on. While offline it waits.
   *
   * @param {number} seq
   * @returns {Promise<Message | null>} null: it is not there any more, or never was
   * @throws {import("../protocol/error.js").RoomcastError}
   */
  message(seq) {
    return this.#session.message(seq);
  }

  /** The newest number of the room that is known; 0 if nothing is. @returns {number} */
  get head() {
    return this.#session.head;
  }

  /**
   * Return a page of earlier messages, to scroll back; with `after`, of those that follow a seq. While offline it waits.
   *
   * @param {{before?: number, after?: number, limit?: number}} [range] - `before`: a seq, by default the oldest that was
   *   read without a gap; `limit`: 1 to 200, default 50
   * @returns {Promise<{messages: Message[], more: boolean, before: number, after: number}>} `more`: there are further ones
   *   in its direction, even if this page is empty; `before` and `after`: for the pages beside it
   * @throws {import("../protocol/error.js").RoomcastError}
   */
  history(range = {}) {
    return this.#session.history(range);
  }

  /**
   * Follow the room from now on, on all of this user's devices and over all absences: it is in the list `chat.rooms()`,
   * with how much is unread. It begins with everything read.
   *
   * @param {{muted?: boolean}} [options] - `muted`: remembered for your client, which keeps quiet about the room
   * @returns {Promise<void>}
   * @throws {import("../protocol/error.js").RoomcastError}
   */
  subscribe({ muted } = {}) {
    return this.#session.subscription.subscribe(muted);
  }

  /** Follow the room no longer. @returns {Promise<void>} @throws {import("../protocol/error.js").RoomcastError} */
  unsubscribe() {
    return this.#session.subscription.unsubscribe();
  }

  /**
   * Mark the messages up to this one as read, on all of this user's devices. It counts at once in `chat.rooms()`, and is
   * sent at most once a second, the highest mark only; while offline it waits. Leaving the room does not stop it.
   *
   * @param {number} seq @returns {Promise<void>} when the server has this mark, or a higher one
   * @throws {import("../protocol/error.js").RoomcastError} `not_subscribed`, or another
   */
  read(seq) {
    return this.#session.subscription.mark(seq);
  }

  /**
   * Return who is here. The list is kept up to date from then on, as for a listener to `presence`.
   *
   * @returns {Promise<Presence>}
   * @throws {import("../protocol/error.js").RoomcastError}
   */
  presence() {
    return this.#session.presence.whenKnown();
  }

  /** Show the others that this user is typing. Call it at every key press. While offline it does nothing. */
  typing() {
    this.#session.sendTyping();
  }

  /**
   * Ban a user from the room for a time. This and the next three are for moderators; others get the error `forbidden`.
   *
   * @param {string} user @param {number} seconds - an integer, up to 366 days; 0 ends the ban
   * @returns {Promise<{until: string, expiresIn: number}>} `until`: ISO 8601, by the server's clock; `expiresIn`: seconds
   * @throws {import("../protocol/error.js").RoomcastError}
   */
  ban(user, seconds) {
    return this.#session.request(() => moderate.ban(this.name, user, seconds));
  }

  /**
   * Keep a user from writing for a time.
   *
   * @param {string} user @param {number} seconds - 0 ends it
   * @returns {Promise<{until: string, expiresIn: number}>}
   * @throws {import("../protocol/error.js").RoomcastError}
   */
  mute(user, seconds) {
    return this.#session.request(() => moderate.mute(this.name, user, seconds));
  }

  /**
   * Make each user wait between two messages.
   *
   * @param {number} seconds - 0 ends it
   * @returns {Promise<void>}
   * @throws {import("../protocol/error.js").RoomcastError}
   */
  async setSlowMode(seconds) {
    await this.#session.request(() => moderate.slowMode(this.name, seconds));
  }

  /**
   * Let only moderators write, or everybody again.
   *
   * @param {boolean} [locked]
   * @returns {Promise<void>}
   * @throws {import("../protocol/error.js").RoomcastError}
   */
  async lock(locked = true) {
    await this.#session.request(() => moderate.lock(this.name, locked));
  }

  /**
   * The first listener to `presence` starts the requests for the list.
   *
   * @template {keyof RoomEvents & string} Type
   * @override
   * @param {Type} type
   * @param {import("../emitter.js").Listener<RoomEvents[Type]>} listener
   * @param {boolean | {capture?: boolean, once?: boolean, passive?: boolean, signal?: AbortSignal}} [options]
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, listener, options);
    if (type === "presence") this.#session.presence.watch();
  }

  /**
   * Leave the room, if every other caller of join() has left it, too. Call it once for each join(). Pending messages
   * then fail with `left`.
   *
   * @returns {Promise<void>}
   */
  leave() {
    return this.#leave();
  }
}
