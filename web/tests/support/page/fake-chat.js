/** A chat whose joins, events and replies come when a test says so. */
export class FakeChat {
  joined = [];

  /** @param {{id: string, message: string, replyTo?: number}[]} [unsent] - from before a reload, in every room */
  constructor(unsent = []) {
    this.unsent = unsent;
  }

  join(name) {
    const room = new FakeRoom(name, [...this.unsent]);
    this.joined = [...this.joined.filter((other) => other.name !== name || !other.left), room];
    return room.joining.promise.then(() => room);
  }

  get room() {
    return this.joined.at(-1);
  }
}

class FakeRoom extends EventTarget {
  joining = deferred();
  state = "joining";
  user = "u-ada";
  me = { user: "u-ada", name: "Ada" };
  pendingChanges = [];
  /** The changes, the moderator's actions, and if these are forbidden. */
  actions = [];
  forbidsModeration = false;
  typingCalls = 0;
  /** The calls of history(), message() and send(), each with its `resolve` and `reject`. */
  histories = [];
  lookups = [];
  sends = [];
  left = false;

  constructor(name, pending) {
    super();
    this.name = name;
    this.pending = pending;
  }

  send(message, { ref, replyTo, mentions }) {
    this.pending.push({ id: ref, message, replyTo, mentions });
    const send = { message, ref, replyTo, mentions, ...deferred() };
    this.sends.push(send);
    return send.promise;
  }

  history(range) {
    const history = { ...range, ...deferred() };
    this.histories.push(history);
    return history.promise;
  }

  message(seq) {
    const lookup = { seq, ...deferred() };
    this.lookups.push(lookup);
    return lookup.promise;
  }

  typing() {
    this.typingCalls++;
  }

  edit(...change) {
    this.actions.push(["edit", ...change]);
  }

  delete(target) {
    this.actions.push(["delete", target]);
    this.pending = this.pending.filter(({ id }) => id !== target);
  }

  react(...change) {
    this.actions.push(["react", ...change]);
  }

  async mute(user, seconds) {
    this.#moderate("mute", user, seconds);
  }

  async ban(user, seconds) {
    this.#moderate("ban", user, seconds);
  }

  async setSlowMode(seconds) {
    this.#moderate("slow_mode", seconds);
  }

  async lock(locked) {
    this.#moderate("lock", locked);
  }

  #moderate(...action) {
    if (this.forbidsModeration) throw { code: "forbidden" };
    this.actions.push(action);
  }

  leave() {
    this.left = true;
  }

  /** Join, or lose the connection. @param {string} state @param {string} [code] */
  enter(state, code) {
    this.state = state;
    this.emit("state", { state, code });
  }

  /** Resolve the join, with these messages. */
  begin(...messages) {
    this.enter("joined");
    this.joining.resolve();
    for (const message of messages) this.emit("message", message);
    this.emit("ready", { more: messages.length > 0 && messages[0].seq > 1 });
  }

  /** The server has stored a message. */
  acknowledge({ id, ...ack }) {
    this.pending = this.pending.filter((message) => message.id !== id);
    this.sends.find(({ ref }) => ref === id)?.resolve({ id, ...ack });
    this.emit("sent", { id, ...ack });
  }

  /** A message fails. */
  fail(id, code) {
    this.pending = this.pending.filter((message) => message.id !== id);
    this.sends.find(({ ref }) => ref === id)?.reject({ code });
    this.emit("failed", { id, code, detail: "" });
  }

  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function deferred() {
  const parts = {};
  const promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return { promise, ...parts };
}
