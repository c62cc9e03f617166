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
    const data = typeof frame === "string" ? frame : this.#server.textOf(frame);
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
