import { Outbox } from "./outbox.js";
import { RoomcastError } from "../../protocol/error.js";
import { Sender } from "./sender.js";
import { withChange } from "./view.js";

/** How many acknowledged changes are kept whose entries have not come. */
const MAX_ACKNOWLEDGED = 100;
/** In milliseconds: when it is looked for what other tabs have left, each after the one before. */
const ADOPTION = [0, 200, 1_000];

/**
 * @typedef {import("../../protocol/entries.js").Message} Message
 * @typedef {import("../../protocol/frames.js").Ack} Ack
 * @typedef {import("./outbox.js").Item} Item
 * @typedef {Pick<Item, "id" | "action" | "seq" | "ref" | "message" | "data" | "reaction" | "on">} PendingChange
 * @typedef {object} Tools
 * @property {import("./sender.js").SendRequest} request
 * @property {import("../../transport/clock.js").Clock} clock
 * @property {import("../../transport/browser.js").Store | null} storage
 * @property {(owner: string) => string} keyOf - an owner's key in the storage
 * @property {import("./tab-lock.js").TabLock | null} tab - if tabs share the storage
 * @property {() => void} onRestored - what another tab has left is pending here now
 * @property {() => import("../../protocol/entries.js").Person | undefined} me
 * @property {import("../log/room-log.js").RoomLog} log
 * @property {import("../event-queue.js").EventQueue["emit"]} emit
 */

/** What a user writes in one room, messages and changes: sends it, tells what becomes of it, and shows it meanwhile. */
export class Writer {
  /** @type {Map<string, {item: Item, seq: number}>} changes by ref, with their numbers, until their entries come */
  #acknowledged = new Map();
  #isStarted = false;
  #sender;
  #tools;

  /** @param {string} room @param {Tools} tools */
  constructor(room, tools) {
    const { request, clock, storage, keyOf, tab } = tools;
    this.#tools = tools;
    this.#sender = new Sender(room, new Outbox(storage, keyOf, tab), {
      request,
      clock,
      epoch: () => tools.log.position.epoch,
      onResult: (item, result) => this.#onResult(item, result),
      onDelay: (item, error) => this.#onDelay(item, error),
    });
  }

  /** This user's messages that are not acknowledged, oldest first, with the changes that wait for them. */
  get pending() {
    const items = this.#sender.pending;
    return items.filter(({ action }) => action === "send").map(({ id, message = "", data, replyTo, mentions, tried }) => {
      const extra = { ...(replyTo !== undefined && { replyTo }), ...(mentions && { mentions }), ...(tried && { tried }) };
      const content = { id, message, ...(data !== undefined && { data }), ...extra };
      const changes = items.filter(({ ref }) => ref === id);
      return changes.reduce((shown, change) => withChange(shown, change, this.#tools.me()), content);
    });
  }

  /** @returns {PendingChange[]} this user's changes that are not acknowledged, oldest first */
  get pendingChanges() {
    const changes = this.#sender.pending.filter(({ action }) => action !== "send");
    return changes.map(({ at: _, user: __, epoch: ___, tried: ____, ...change }) => change);
  }

  /** @param {string} message @param {{data?: unknown, replyTo?: number, mentions?: string[], ref?: string}} options */
  send(message, options) {
    return this.#sender.send(message, options);
  }

  /**
   * @param {number | string} target - the message: its seq, or its ref if it is this user's own
   * @param {Pick<Item, "action" | "message" | "data" | "reaction" | "on">} content
   */
  change(target, content) {
    const before = this.#sender.pending.at(-1)?.id;
    const changed = this.#sender.change(target, content);
    const last = this.#sender.pending.at(-1);
    if (last && last.id !== before) Promise.resolve().then(() => this.#tell(last)); // After this call.
    return changed;
  }

  /**
   * @param {Message} message - as the server has it
   * @returns {Message} as its user sees it: with this user's own changes that the server does not have yet
   */
  view(message) {
    const me = this.#tools.me();
    let shown = message;
    for (const { item, seq } of this.#acknowledged.values()) {
      if (item.seq === message.seq && seq > (message.revision ?? 0)) shown = withChange(shown, item, me);
    }
    const pending = this.#sender.pending.filter(({ action, seq }) => action !== "send" && seq === message.seq);
    if (pending.length === 0) return shown;
    return { ...pending.reduce((form, change) => withChange(form, change, me), shown), pending: true };
  }

  /** The room's own copy of a message proves that it is stored, even if the reply was lost. @param {Message} message */
  onMessage({ id, seq, at }) {
    this.#sender.acknowledge({ id, seq, at });
  }

  /** @param {string | null} owner @param {string} [user] - as Outbox.identify takes them */
  identify(owner, user) {
    this.#sender.identify(owner, user);
    this.#adopt();
  }

  /** A page that was just left may be there for a moment more: its tab's next page finds nothing yet. */
  async #adopt() {
    const { clock } = this.#tools;
    for (const delay of this.#tools.tab ? ADOPTION : []) {
      await new Promise((resolve) => clock.setTimeout(() => resolve(undefined), delay));
      if (!(await this.#sender.adopt())) continue;
      this.#tools.onRestored();
      if (this.#isStarted) this.start();
    }
  }

  /** The room is joined. Changes of messages of another log, and replies to them, would meet others here. */
  start() {
    const { epoch } = this.#tools.log.position;
    const error = new RoomcastError("invalid_message", "The room has a new log, without this message.");
    const isOfOther = (/** @type {Item} */ item) => item.epoch !== undefined && item.epoch !== epoch;
    for (const item of this.#sender.pending.filter(isOfOther)) this.#sender.fail(item.id, error);
    this.#isStarted = true;
    for (const [id, { item }] of this.#acknowledged) if (isOfOther(item)) this.#acknowledged.delete(id);
    this.#sender.start();
  }

  /** @param {RoomcastError} error @param {{keepRestored: boolean}} options - as Sender.stop takes them */
  stop(error, options) {
    this.#sender.stop(error, options);
  }

  /** @param {Item} item @param {Ack | RoomcastError} result */
  #onResult(item, result) {
    const { emit, log } = this.#tools;
    const change = item.action === "send" ? {} : { action: item.action, of: item.seq };
    if (result instanceof RoomcastError) {
      this.#tell(item);
      return emit("failed", { id: item.id, code: result.code, detail: result.message, ...change });
    }
    log.onStored(result.seq, item.action === "react");
    if (item.action !== "send") this.#onChangeStored(item, result.seq);
    emit("sent", result);
  }

  /** @param {Item} item @param {number} seq */
  #onChangeStored(item, seq) {
    this.#acknowledged.set(item.id, { item, seq });
    const [oldest] = this.#acknowledged.keys();
    if (oldest !== undefined && this.#acknowledged.size > MAX_ACKNOWLEDGED) this.#acknowledged.delete(oldest);
    this.#tell(item);
  }

  /** @param {Item} item @param {RoomcastError} error */
  #onDelay({ id }, { code, message, retryAfter }) {
    if (retryAfter !== undefined) this.#tools.emit("delayed", { id, code, detail: message, retryAfter });
  }

  /** Tell how a message looks to its user, since this change of it waits, is stored, or has failed. @param {Item} item */
  #tell({ action, seq }) {
    const message = action !== "send" && seq !== undefined && this.#tools.log.released(seq);
    if (message) this.#tools.emit(action === "react" ? "reactions" : "changed", this.view(message));
  }
}
