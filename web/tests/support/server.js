import { Attendance } from "./presence-server.js";
import { framed, Log } from "./log.js";
import { Moderation } from "./moderation.js";

const TROUBLE = { message: "Internal server error", connectionId: "c", requestId: "r" };

/**
 * A server that speaks the protocol, over sockets of its own making. It is kind by itself; every way in which a real
 * one may be unkind is a property that a test replaces. Times are in milliseconds.
 */
export class ScriptedServer {
  /** @type {Map<string, Log>} */
  logs = new Map();
  /** @type {FakeSocket[]} all there ever were, the newest last */
  sockets = [];
  /** @type {object[]} every frame that reached it, the newest last */
  asked = [];
  attendance = new Attendance(this);
  moderation = new Moderation(this);

  handshake = () => "open"; // or "refuse", or "hang"
  wayIn = () => 1; // (frame): how long it takes to the server
  wayOut = () => 1; // (frame): and back
  work = () => 1; // from one write to the next
  lag = () => 5; // from a write until the stream wakes the fan-out
  isLost = () => false; // ("in" or "out", frame): it vanishes on the way
  isShed = () => false; // (socket): that member does not get a broadcast
  isTwice = () => false; // a member gets it twice
  dies = () => false; // (after "head", "ref", "row" or another action): the function does
  refusal = () => null; // (frame): {code, retry_after?}
  tellsMoves = false; // who comes to a room, and goes

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

  /** @param {string} [action] @returns the frames that asked for it */
  askedFor(action) {
    return this.asked.filter((frame) => frame.action === action);
  }

  /** @param {string} room */
  log(room) {
    if (!this.logs.has(room)) this.logs.set(room, new Log());
    return this.logs.get(room);
  }

  /** Somebody else says something, and it is stored and broadcast at once. */
  say(room, message) {
    const seq = this.store(room, message);
    this.broadcast(room, seq);
    return seq;
  }

  /** The same, and nobody is told. */
  store(room, message) {
    const seq = this.begin(room);
    this.fill(room, seq, message);
    return seq;
  }

  /** Gives a seq to something that is not written yet. */
  begin(room) {
    return ++this.log(room).head;
  }

  /** Writes it; a void if there is no message. */
  fill(room, seq, message) {
    const letter = message && { ref: `other ${room} ${seq} ${message}`, user: "other", message };
    this.log(room).settle(seq, letter, this.time.now());
  }

  broadcast(room, ...seqs) {
    const rows = seqs.map((seq) => this.log(room).rows.get(seq));
    const frame = { type: "messages", room, ...framed(rows) };
    for (const socket of this.open) {
      if (!socket.rooms.has(room) || this.isShed(socket)) continue;
      socket.tell(frame);
      if (this.isTwice()) socket.tell(frame);
    }
  }

  /** @param {string} room @param {object} frame @param {(socket: FakeSocket) => boolean} [isMeant] */
  tellAll(room, frame, isMeant = () => true) {
    for (const socket of this.members(room)) if (isMeant(socket) && !this.isShed(socket)) socket.tell(frame);
  }

  /** @param {string} room @returns {FakeSocket[]} the latest connection last */
  members(room) {
    return this.open.filter(({ rooms }) => rooms.has(room));
  }

  /** As a laptop's, whose logs are in memory. */
  restart() {
    this.logs.clear();
    for (const socket of this.open) socket.cut();
  }

  /** @param {FakeSocket} socket @param {any} frame */
  receive(socket, frame) {
    this.asked.push(frame);
    const { ref = null } = frame;
    const reply = (result) => socket.tell({ type: "reply", ref, status: "ok", ...result });
    const refusal = this.refusal(frame) || this.#refusalOf(socket, frame);
    if (refusal) return socket.tell({ type: "reply", ref, status: "error", detail: "no", ...refusal });
    if (frame.action === "send") return void this.#send(socket, frame, reply);
    const result = this.#act(socket, frame);
    if (this.dies(frame.action)) socket.tell(TROUBLE);
    else reply(result);
  }

  #refusalOf({ isKnown, isModerator, rooms, user }, { action, room }) {
    if (!isKnown) return { code: "not_connected" };
    if (action === "join" && this.moderation.isOut(room, user)) return { code: "forbidden" };
    if (this.moderation.acts.includes(action) && !isModerator) return { code: "forbidden" };
    const isFree = ["join", "leave", "ping"].includes(action);
    return isFree || rooms.has(room) ? null : { code: "not_a_member" };
  }

  #act(socket, frame) {
    const { action, room, rooms, after, before, limit = 100 } = frame;
    const pageAfter = () => this.log(room).after(after, limit, this.time.now());
    switch (action) {
      case "join":
        socket.enter(room);
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
      case "presence":
        return this.attendance.answer(room, after);
      case "typing":
        this.tellAll(room, { type: "typing", room, ...socket.person }, (other) => other.user !== socket.user);
        return { room };
      default:
        return this.moderation.act(frame, socket.name);
    }
  }

  /** Head, ref, row, reply: the function may die after each. */
  async #send(socket, { room, ref, message, data }, reply) {
    const log = this.log(room);
    const letter = { ref, user: socket.user, message, data };
    const at = this.time.now();
    const seq = log.commit(letter);
    if (log.stream.length === 1) this.#fanOut(room, log);
    if (this.dies("head")) return socket.tell(TROUBLE);
    await this.time.later(this.work());
    const counts = log.decide(seq, letter);
    if (this.dies("ref")) return socket.tell(TROUBLE);
    await this.time.later(this.work());
    if (counts !== seq) log.settle(seq, letter, at);
    const { message: stored } = log.settle(counts, letter, at);
    if (this.dies("row")) return socket.tell(TROUBLE);
    reply({ room, seq: counts, id: ref, at: stored.at });
  }

  /** Completes what is missing, in order, and broadcasts the run. */
  async #fanOut(room, log) {
    while (log.stream.length) {
      await this.time.later(this.lag());
      if (log !== this.logs.get(room)) return; // The server was restarted.
      const run = log.stream.splice(0);
      for (const { seq, letter } of run) log.settle(seq, letter, this.time.now());
      this.broadcast(room, ...run.map(({ seq }) => seq));
    }
  }
}

/** One socket, both ends of it. */
export class FakeSocket extends EventTarget {
  readyState = 0;
  /** @type {Set<string>} that the server has it in */
  rooms = new Set();
  isKnown = true; // to the server
  isModerator = false;
  isFrozen = false; // nothing comes through, and neither end is told
  #server;

  constructor(server, url, protocols) {
    super();
    this.#server = server;
    this.url = new URL(url);
    this.protocols = protocols;
    this.user = this.url.searchParams.get("client");
    this.name = this.url.searchParams.get("name") ?? "Guest";
    server.sockets.push(this);
    const handshake = server.handshake(this);
    const { time } = server;
    if (handshake === "open") time.setTimeout(() => this.#open(), server.wayIn({}) + server.wayOut({}));
    if (handshake === "refuse") time.setTimeout(() => this.cut(), server.wayIn({}) + server.wayOut({}));
  }

  get person() {
    return { user: this.user, name: this.name };
  }

  /** The server has it in a room. */
  enter(room) {
    if (this.rooms.has(room)) return;
    this.rooms.add(room);
    this.#moved(room);
  }

  leave(room) {
    if (this.rooms.delete(room)) this.#moved(room);
  }

  #moved(room) {
    if (this.#server.tellsMoves) this.#server.attendance.moved(room, this.person);
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
    }, this.#server.wayIn(frame));
  }

  /** The server's end sends a frame, or any text. */
  tell(frame) {
    if (this.#server.isLost("out", frame)) return;
    const data = typeof frame === "string" ? frame : JSON.stringify(frame);
    this.#server.time.setTimeout(() => {
      if (this.readyState === 1 && !this.isFrozen) this.dispatchEvent(new MessageEvent("message", { data }));
    }, this.#server.wayOut(frame));
  }

  close() {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#leaveAll();
    this.#server.time.setTimeout(() => this.dispatchEvent(new Event("close")), 0);
  }

  /** The network, or the server's end, closes it. */
  cut() {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#leaveAll();
    this.dispatchEvent(new Event("error"));
    this.dispatchEvent(new Event("close"));
  }

  /** The client's end vanishes with its machine; the server notices. */
  vanish() {
    this.readyState = 3;
    this.#leaveAll();
  }

  /** The server loses sight of it; nobody is told. */
  forget() {
    this.isKnown = false;
    this.#leaveAll();
  }

  #open() {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    for (const room of this.url.searchParams.getAll("room")) if (room) this.enter(room);
    this.dispatchEvent(new Event("open"));
  }
}
