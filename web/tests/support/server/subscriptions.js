/** The subscriptions of a server's users: how far each has read which room, and who has mentioned them. */
export class Subscriptions {
  actions = ["subscribe", "unsubscribe", "read", "rooms"];
  pageSize = 50;
  sendsReceipts = false;
  noticesHaveSeq = false; // they say up to which number they count
  noticeDelay = () => 5; // from a change until its user's connections are told
  /** @type {Map<string, Map<string, {read: number, mentions: Set<number>, muted: boolean, since: string}>>} by user and room */
  #byUser = new Map();
  /** @type {Map<string, number>} the time of the last mark, by user and room */
  #markedAt = new Map();
  #server;

  constructor(server) {
    this.#server = server;
  }

  of(user) {
    if (!this.#byUser.has(user)) this.#byUser.set(user, new Map());
    return this.#byUser.get(user);
  }

  /** Subscribe a user, as another device of theirs would, or with these fields. */
  add(user, room, fields = {}) {
    const { time } = this.#server;
    const since = new Date(time.now()).toISOString();
    this.of(user).set(room, { read: this.#server.log(room).head, mentions: new Set(), muted: false, since, ...fields });
    this.#tell(user, room);
  }

  /** End a subscription, as another device would. */
  remove(user, room) {
    this.of(user).delete(room);
    this.#tell(user, room);
  }

  /** Mark a room as read, as another device would. */
  mark(user, room, seq) {
    const subscription = this.of(user).get(room);
    if (seq <= subscription.read) return;
    subscription.read = Math.min(seq, this.#server.log(room).head);
    for (const mentioned of subscription.mentions) if (mentioned <= seq) subscription.mentions.delete(mentioned);
    this.#tell(user, room);
    if (this.sendsReceipts) this.#server.sendToRoom(room, { type: "read", room, user, name: user, seq: subscription.read });
  }

  errorFor({ action, room }, user) {
    if (action !== "read") return null;
    if (!this.of(user).has(room)) return { code: "not_subscribed" };
    const key = `${user} ${room}`;
    const wait = (this.#markedAt.get(key) ?? -Infinity) + 1_000 - this.#server.time.now();
    if (wait > 0) return { code: "rate_limited", retry_after: wait / 1_000 };
    this.#markedAt.set(key, this.#server.time.now());
    return null;
  }

  perform({ action, room, seq, muted, after = "", limit = this.pageSize }, { user, person }) {
    const rooms = this.of(user);
    switch (action) {
      case "subscribe":
        if (!rooms.has(room)) this.add(user, room);
        if (muted !== undefined) Object.assign(rooms.get(room), { muted });
        return this.#place(user, room);
      case "unsubscribe":
        this.remove(user, room);
        return { room };
      case "read": {
        this.mark(user, room, seq);
        const { read, unread, mentions } = this.#place(user, room);
        return { room, read, unread, mentions };
      }
      default: {
        const names = [...rooms.keys()].sort().filter((name) => name > after);
        const page = names.slice(0, limit).map((name) => this.#place(user, name));
        return { you: person, rooms: page, more: names.length > limit };
      }
    }
  }

  /** Count what the fan-out has repaired: who writes has read so far, and who is mentioned is told. */
  onRun(room, rows) {
    for (const { seq, message } of rows) {
      if (!message) continue;
      const own = this.of(message.user).get(room);
      if (own && own.read < seq) Object.assign(own, { read: seq, mentions: new Set() }); // Not told: the message says it.
      for (const user of message.mentions ?? []) {
        const subscription = this.of(user).get(room);
        if (!subscription || subscription.read >= seq) continue;
        subscription.mentions.add(seq);
        this.#tell(user, room, { seq, user: message.user, name: message.name, at: message.at });
      }
    }
  }

  #place(user, room) {
    const { read, mentions, muted, since } = this.of(user).get(room);
    const messages = [...this.#server.log(room).rows.values()].flatMap(({ message }) => message ?? []);
    const unread = messages.filter(({ seq }) => seq > read).length;
    const newest = messages.sort((one, other) => one.seq - other.seq).at(-1);
    const shown = newest && (({ seq, user, name, message, at, deleted }) => ({ seq, user, name, message, at, deleted }))(newest);
    const { head } = this.#server.log(room);
    return { room, seq: head, read, unread, mentions: mentions.size, muted, since, ...(shown && { newest: shown }) };
  }

  #tell(user, room, mention) {
    this.#server.time.setTimeout(() => {
      const { newest: _, seq, ...place } = this.of(user).has(room) ? this.#place(user, room) : { room, subscribed: false };
      const frame = { type: "notice", ...place, ...(this.noticesHaveSeq && seq && { seq }), ...(mention && { mention }) };
      for (const socket of this.#server.open) if (socket.user === user) socket.push(frame);
    }, this.noticeDelay());
  }
}
