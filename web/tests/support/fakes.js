/** A browser's storage, in memory. */
export class FakeStorage {
  items = new Map();
  getItem = (key) => this.items.get(key) ?? null;
  setItem = (key, value) => void this.items.set(key, value);
}

/** A chat whose rooms a test fills; it admits to a room, and answers for it, when the test says so. */
export class FakeChat {
  rooms = [];

  /** @param {{id: string, message: string}[]} [unsent] - in every room, from before a reload */
  constructor(unsent = []) {
    this.unsent = unsent;
  }

  join(name) {
    const room = new FakeRoom(name, [...this.unsent]);
    this.rooms.push(room);
    return room.admitted.promise.then(() => room);
  }

  get room() {
    return this.rooms.at(-1);
  }
}

class FakeRoom extends EventTarget {
  admitted = settleable();
  user = "u-ada";
  me = { user: "u-ada", name: "Ada" };
  /** What one did as a moderator, and whether that is allowed. */
  acts = [];
  forbids = false;
  typed = 0;
  /** What one was asked for, each with its `resolve` and `reject`. */
  histories = [];
  sends = [];
  left = false;

  constructor(name, pending) {
    super();
    this.name = name;
    this.pending = pending;
  }

  send(message, { ref }) {
    this.pending.push({ id: ref, message });
    const send = { message, ref, ...settleable() };
    this.sends.push(send);
    return send.promise;
  }

  history(range) {
    const history = { ...range, ...settleable() };
    this.histories.push(history);
    return history.promise;
  }

  typing() {
    this.typed++;
  }

  async delete(seq) {
    this.#moderate("delete", seq);
  }

  async mute(user, seconds) {
    this.#moderate("mute", user, seconds);
  }

  async ban(user, seconds) {
    this.#moderate("ban", user, seconds);
  }

  #moderate(...act) {
    if (this.forbids) throw { code: "forbidden" };
    this.acts.push(act);
  }

  leave() {
    this.left = true;
  }

  /** Is joined, and begins with these messages. */
  begins(...messages) {
    this.admitted.resolve();
    for (const message of messages) this.tells("message", message);
    this.tells("ready", { more: messages.length > 0 && messages[0].seq > 1 });
  }

  /** The server has the message. */
  acknowledges({ id, ...ack }) {
    this.pending = this.pending.filter((letter) => letter.id !== id);
    this.sends.find(({ ref }) => ref === id)?.resolve({ id, ...ack });
    this.tells("sent", { id, ...ack });
  }

  /** It will not have it. */
  refuses(id, code) {
    this.pending = this.pending.filter((letter) => letter.id !== id);
    this.sends.find(({ ref }) => ref === id)?.reject({ code });
    this.tells("failed", { id, code, detail: "" });
  }

  tells(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function settleable() {
  const parts = {};
  const promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return { promise, ...parts };
}
