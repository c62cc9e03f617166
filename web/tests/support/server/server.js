import { FakeSocket } from "../fake-socket.js";
import { Log } from "./log.js";
import { Moderation } from "./moderation.js";
import { PresenceServer } from "./presence-server.js";
import { Subscriptions } from "./subscriptions.js";

const CHANGES = ["edit", "delete", "react"];
const GATEWAY_ERROR = { message: "Internal server error", connectionId: "c", requestId: "r" };

/**
 * A server that speaks the protocol, over fake sockets. By default nothing goes wrong; each fault of a real server is a
 * property that a test replaces. Times are in milliseconds.
 */
export class ScriptedServer {
  /** @type {Map<string, Log>} */
  logs = new Map();
  /** @type {FakeSocket[]} every one, the newest last */
  sockets = [];
  /** @type {object[]} every frame that was received, the newest last */
  received = [];
  presence = new PresenceServer(this);
  moderation = new Moderation(this);
  subscriptions = new Subscriptions(this);

  userOf = ({ url }) => url.searchParams.get("client"); // (socket)
  handshake = () => "open"; // or "reject", or "hang"
  delayIn = () => 1; // (frame): until the server has it
  delayOut = () => 1; // (frame): until the client has it
  writeDelay = () => 1; // from one write to the next
  streamLag = () => 5; // from a write until the stream wakes the fan-out
  isLost = () => false; // ("in" or "out", frame): it vanishes on the way
  isShed = () => false; // (socket): this member does not get a broadcast
  isDuplicated = () => false; // a member gets a broadcast twice
  dies = () => false; // (after "head", "ref", "row" or another action): the function does
  isThrottled = () => false; // (frame): API Gateway answers it with an error of its own
  expiresIn = () => undefined; // (socket): seconds until its token ends
  error = () => null; // (frame): {code, retry_after?}
  textOf = (frame) => JSON.stringify(frame); // as the client receives it
  sendsPresence = false; // broadcasts who joins and leaves

  constructor(time) {
    const server = this;
    this.time = time;
    this.WebSocket = class extends FakeSocket {
      constructor(url, protocols) {
        super(server, url, protocols);
      }
    };
  }

  get socket() {
    return this.sockets.at(-1);
  }

  get open() {
    return this.sockets.filter(({ readyState }) => readyState === 1);
  }

  /** @param {string} [action] @returns the received frames with this action */
  requests(action) {
    return this.received.filter((frame) => frame.action === action);
  }

  /** @param {string} room */
  log(room) {
    if (!this.logs.has(room)) this.logs.set(room, new Log());
    return this.logs.get(room);
  }

  /** Store a message of another user, and broadcast it at once. */
  say(room, message) {
    const seq = this.store(room, message);
    this.broadcast(room, seq);
    return seq;
  }

  /** Store a message of another user, without a broadcast. */
  store(room, message) {
    const seq = this.reserve(room);
    this.write(room, seq, message);
    return seq;
  }

  /** Assign a seq, without a row. */
  reserve(room) {
    return ++this.log(room).head;
  }

  /** Write the row of a seq; a skipped number if there is no message. */
  write(room, seq, message) {
    const sent = message && { ref: `other ${room} ${seq} ${message}`, user: "other", message };
    this.log(room).repair(seq, sent, this.time.now());
  }

  /** Answer a message as another user, and broadcast that at once, or not. @returns the number of the answer */
  answer(room, seq, message, { isBroadcast = true } = {}) {
    const number = this.reserve(room);
    const sent = { ref: `answer ${room} ${number}`, user: "other", message, reply_to: seq };
    this.log(room).repair(number, sent, this.time.now());
    if (isBroadcast) this.broadcast(room, number);
    return number;
  }

  /** Change a message as another user, and broadcast that at once, or not. @returns the number of the change */
  change(room, seq, fields, { isBroadcast = true } = {}) {
    const number = this.reserve(room);
    const ref = `change ${room} ${number}`;
    this.log(room).repair(number, { ref, user: "other", on: true, ...fields, seq }, this.time.now());
    if (isBroadcast) this.broadcast(room, number);
    return number;
  }

  broadcast(room, ...seqs) {
    const rows = seqs.map((seq) => this.log(room).rows.get(seq));
    this.subscriptions.onRun(room, rows);
    const frame = { type: "messages", room, epoch: this.log(room).epoch, ...this.log(room).asRun(rows) };
    for (const socket of this.open) {
      if (!socket.rooms.has(room) || this.isShed(socket)) continue;
      socket.push(frame);
      if (this.isDuplicated()) socket.push(frame);
    }
  }

  /** @param {string} room @param {object} frame @param {(socket: FakeSocket) => boolean} [isMeant] */
  sendToRoom(room, frame, isMeant = () => true) {
    for (const socket of this.members(room)) if (isMeant(socket) && !this.isShed(socket)) socket.push(frame);
  }

  /** @param {string} room @returns {FakeSocket[]} the newest connection last */
  members(room) {
    return this.open.filter(({ rooms }) => rooms.has(room));
  }

  /** Begin every room's log again, as after a restored backup. The sockets stay. */
  forget() {
    this.logs.clear();
  }

  /** Restart like the local engine, whose logs are in memory. */
  restart() {
    this.forget();
    for (const socket of this.open) socket.cut();
  }

  /** @param {FakeSocket} socket @param {any} frame */
  receive(socket, frame) {
    this.received.push(frame);
    if (this.isThrottled(frame)) return socket.push(GATEWAY_ERROR);
    const { ref = null } = frame;
    const reply = (result) => socket.push({ type: "reply", ref, status: "ok", ...result });
    const error = this.error(frame) || this.#errorFor(socket, frame);
    if (error) return socket.push({ type: "reply", ref, status: "error", detail: "no", ...error });
    if (frame.action === "send") return void this.#send(socket, frame, reply);
    if (CHANGES.includes(frame.action)) return void this.#change(socket, frame, reply);
    const result = this.#perform(socket, frame);
    if (this.dies(frame.action)) socket.push(GATEWAY_ERROR);
    else reply(result);
  }

  #errorFor({ isKnown, isModerator, rooms, user }, frame) {
    const { action, room, rooms: asked = [] } = frame;
    if (!isKnown) return { code: "not_connected" };
    if (asked.length > 64) return { code: "invalid_frame" };
    if (action === "join" && this.moderation.isBanned(room, user)) return { code: "forbidden" };
    if (this.moderation.actions.includes(action) && !isModerator) return { code: "forbidden" };
    if (this.subscriptions.actions.includes(action)) return this.subscriptions.errorFor(frame, user);
    const needsNoMembership = ["join", "leave", "ping", "alive"].includes(action);
    if (!needsNoMembership && !rooms.has(room)) return { code: "not_a_member" };
    return CHANGES.includes(action) ? this.#errorForChange(frame, user, isModerator) : null;
  }

  #errorForChange({ action, room, seq, ref }, user, isModerator) {
    const message = this.log(room).rows.get(seq)?.message;
    if (this.log(room).refs.has(ref)) return null; // An earlier attempt was stored.
    if (!message || message.deleted) return { code: "invalid_message" };
    const isAllowed = action === "react" || message.user === user || (action === "delete" && isModerator);
    return isAllowed ? null : { code: "forbidden" };
  }

  #perform(socket, frame) {
    const { action, room, rooms, counts, after, before, epoch: asked, limit = 100 } = frame;
    const { epoch } = this.log(room ?? "");
    const isOfOther = asked !== undefined && asked !== epoch;
    const pageAfter = () => this.log(room).after(after, limit, this.time.now());
    switch (action) {
      case "join":
        socket.join(room);
        return {
          room, seq: this.log(room).head, epoch, ...socket.person, rules: this.moderation.rules(room, socket),
          expires_in: this.expiresIn(socket),
          ...(after !== undefined && !isOfOther && pageAfter()),
        };
      case "leave":
        socket.leave(room);
        return { room };
      case "history":
        if (isOfOther) return { room, epoch, messages: [], more: false };
        return { room, epoch, ...(after === undefined ? this.log(room).before(before, limit) : pageAfter()) };
      case "ping": {
        const joined = rooms?.filter((name) => socket.rooms.has(name)).map((name) => [name, this.log(name)]);
        const heads = joined?.map(([name, log]) => [name, {
          seq: log.head,
          epoch: log.epoch,
          ...(counts?.includes(name) && this.presence.count(name)),
        }]);
        return { pong: true, ...(heads && { heads: Object.fromEntries(heads) }) };
      }
      case "alive":
        return {};
      case "presence":
        return this.presence.reply(room, after);
      case "reactions": {
        const message = this.log(room).rows.get(frame.seq)?.message;
        const all = (message?.reactions ?? []).flatMap(({ reaction, people }) => people.map((one) => ({ reaction, ...one })));
        const first = after ? 1 + all.findIndex(({ reaction, user }) => reaction === after.reaction && user === after.user) : 0;
        return { room, seq: frame.seq, reactions: all.slice(first, first + 2), more: all.length > first + 2 };
      }
      case "typing":
        this.sendToRoom(room, { type: "typing", room, ...socket.person }, (other) => other.user !== socket.user);
        return { room };
      case "subscribe":
      case "unsubscribe":
      case "read":
      case "rooms":
        return this.subscriptions.perform(frame, socket);
      default:
        return this.moderation.perform(frame, socket.name);
    }
  }

  /** Write head, ref and row, then reply. The function may die after each step. */
  async #send(socket, { room, ref, message, data, reply_to, mentions }, reply) {
    const log = this.log(room);
    const sent = { ref, ...socket.person, message, data, reply_to, mentions };
    const at = this.time.now();
    const seq = log.commit(sent);
    if (log.stream.length === 1) this.#fanOut(room, log);
    if (this.dies("head")) return socket.push(GATEWAY_ERROR);
    await this.time.later(this.writeDelay());
    const claimed = log.claim(seq, sent);
    if (this.dies("ref")) return socket.push(GATEWAY_ERROR);
    await this.time.later(this.writeDelay());
    if (claimed !== seq) log.repair(seq, sent, at);
    const { message: stored } = log.repair(claimed, sent, at);
    if (this.dies("row")) return socket.push(GATEWAY_ERROR);
    reply({ room, seq: claimed, id: ref, at: stored.at });
  }

  /** Write head and ref, then reply. The fan-out folds the change and writes its row. */
  async #change(socket, { room, ref, ...fields }, reply) {
    const log = this.log(room);
    const sent = { ...fields, ref, ...socket.person };
    const seq = log.commit(sent);
    if (log.stream.length === 1) this.#fanOut(room, log);
    if (this.dies("head")) return socket.push(GATEWAY_ERROR);
    await this.time.later(this.writeDelay());
    const claimed = log.claim(seq, sent);
    if (this.dies("ref")) return socket.push(GATEWAY_ERROR);
    reply({ room, seq: claimed, of: fields.seq, id: ref, at: new Date(this.time.now()).toISOString() });
  }

  /** Repair what is missing, in order, and broadcast the run. */
  async #fanOut(room, log) {
    while (log.stream.length) {
      await this.time.later(this.streamLag());
      if (log !== this.logs.get(room)) return; // The server was restarted.
      const run = log.stream.splice(0);
      for (const { seq, sent } of run) log.repair(seq, sent, this.time.now());
      this.broadcast(room, ...run.map(({ seq }) => seq));
    }
  }
}
