import { asRun, Log } from "./log.js";
import { Moderation } from "./moderation.js";
import { PresenceServer } from "./presence-server.js";

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
  error = () => null; // (frame): {code, retry_after?}
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

  broadcast(room, ...seqs) {
    const rows = seqs.map((seq) => this.log(room).rows.get(seq));
    const frame = { type: "messages", room, ...asRun(rows) };
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

  /** Restart like the local engine, whose logs are in memory. */
  restart() {
    this.logs.clear();
    for (const socket of this.open) socket.cut();
  }

  /** @param {FakeSocket} socket @param {any} frame */
  receive(socket, frame) {
    this.received.push(frame);
    const { ref = null } = frame;
    const reply = (result) => socket.push({ type: "reply", ref, status: "ok", ...result });
    const error = this.error(frame) || this.#errorFor(socket, frame);
    if (error) return socket.push({ type: "reply", ref, status: "error", detail: "no", ...error });
    if (frame.action === "send") return void this.#send(socket, frame, reply);
    const result = this.#perform(socket, frame);
    if (this.dies(frame.action)) socket.push(GATEWAY_ERROR);
    else reply(result);
  }

  #errorFor({ isKnown, isModerator, rooms, user }, { action, room }) {
    if (!isKnown) return { code: "not_connected" };
    if (action === "join" && this.moderation.isBanned(room, user)) return { code: "forbidden" };
    if (this.moderation.actions.includes(action) && !isModerator) return { code: "forbidden" };
    const needsNoMembership = ["join", "leave", "ping", "alive"].includes(action);
    return needsNoMembership || rooms.has(room) ? null : { code: "not_a_member" };
  }

  #perform(socket, frame) {
    const { action, room, rooms, after, before, limit = 100 } = frame;
    const pageAfter = () => this.log(room).after(after, limit, this.time.now());
    switch (action) {
      case "join":
        socket.join(room);
        return { room, seq: this.log(room).head, ...socket.person, ...(after !== undefined && pageAfter()) };
      case "leave":
        socket.leave(room);
        return { room };
      case "history":
        return { room, ...(after === undefined ? this.log(room).before(before, limit) : pageAfter()) };
      case "ping": {
        const joined = rooms?.filter((name) => socket.rooms.has(name)).map((name) => [name, this.log(name).head]);
        return { pong: true, ...(joined && { seqs: Object.fromEntries(joined) }) };
      }
      case "alive":
        return {};
      case "presence":
        return this.presence.reply(room, after);
      case "typing":
        this.sendToRoom(room, { type: "typing", room, ...socket.person }, (other) => other.user !== socket.user);
        return { room };
      default:
        return this.moderation.perform(frame, socket.name);
    }
  }

  /** Write head, ref and row, then reply. The function may die after each step. */
  async #send(socket, { room, ref, message, data }, reply) {
    const log = this.log(room);
    const sent = { ref, user: socket.user, message, data };
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

/** Both ends of one socket. */
export class FakeSocket extends EventTarget {
  readyState = 0;
  /** @type {Set<string>} of which the connection is a member, for the server */
  rooms = new Set();
  isKnown = true; // to the server
  isModerator = false;
  isFrozen = false; // no frame comes through, and neither end notices
  #server;

  constructor(server, url, protocols) {
    super();
    this.#server = server;
    this.url = new URL(url);
    this.protocols = protocols;
    this.user = server.userOf(this);
    this.name = this.url.searchParams.get("name") ?? "Guest";
    server.sockets.push(this);
    const handshake = server.handshake(this);
    const { time } = server;
    if (handshake === "open") time.setTimeout(() => this.#open(), server.delayIn({}) + server.delayOut({}));
    if (handshake === "reject") time.setTimeout(() => this.cut(), server.delayIn({}) + server.delayOut({}));
  }

  get person() {
    return { user: this.user, name: this.name };
  }

  /** Join a room, at the server. */
  join(room) {
    if (this.rooms.has(room)) return;
    this.rooms.add(room);
    this.#changePresence(room);
  }

  leave(room) {
    if (this.rooms.delete(room)) this.#changePresence(room);
  }

  #changePresence(room) {
    if (this.#server.sendsPresence) this.#server.presence.onChange(room, this.person);
  }

  #leaveAll() {
    for (const room of [...this.rooms]) this.leave(room);
  }

  send(text) {
    if (this.readyState === 0) throw new Error("InvalidStateError");
    const frame = JSON.parse(text);
    if (this.readyState !== 1 || this.#server.isLost("in", frame)) return;
    this.#server.time.setTimeout(() => {
      if (this.readyState === 1 && !this.isFrozen) this.#server.receive(this, frame);
    }, this.#server.delayIn(frame));
  }

  /** Send a frame, or any text, from the server's end. */
  push(frame) {
    if (this.#server.isLost("out", frame)) return;
    const data = typeof frame === "string" ? frame : JSON.stringify(frame);
    this.#server.time.setTimeout(() => {
      if (this.readyState === 1 && !this.isFrozen) this.dispatchEvent(new MessageEvent("message", { data }));
    }, this.#server.delayOut(frame));
  }

  close() {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#leaveAll();
    this.#server.time.setTimeout(() => this.dispatchEvent(new Event("close")), 0);
  }

  /** Close it from the network or the server's end. */
  cut() {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#leaveAll();
    this.dispatchEvent(new Event("error"));
    this.dispatchEvent(new Event("close"));
  }

  /** The client's end vanishes with its tab; the server notices. */
  vanish() {
    this.readyState = 3;
    this.#leaveAll();
  }

  /** The server loses the connection's row, and neither end notices. */
  loseRow() {
    this.isKnown = false;
    this.#leaveAll();
  }

  #open() {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    for (const room of this.url.searchParams.getAll("room")) if (room) this.join(room);
    this.dispatchEvent(new Event("open"));
  }
}
