/** The presence of a fake server: who is in its rooms, and the frames that say so. */
export class PresenceServer {
  limit = Infinity; // the presence limit: a larger room gets no presence frames
  pageSize = Infinity; // people per reply
  /** @type {Map<string, {user: string, name: string}[]>} who has joined or left since the last frame, by room */
  #changed = new Map();
  /** @type {Map<string, number>} until when a room above the limit gets no frames */
  #pausedUntil = new Map();
  #server;

  constructor(server) {
    this.#server = server;
  }

  /** @returns the people in a room, each once, with the name of the newest connection */
  people(room) {
    return new Map(this.#server.members(room).map(({ person }) => [person.user, person]));
  }

  /** @returns {{count: number, approximate?: boolean}} of the people in a room, as a pong has it */
  count(room) {
    const { length } = this.#server.members(room);
    return length > this.limit ? { count: length, approximate: true } : { count: this.people(room).size };
  }

  /** Return the reply to a presence request. */
  reply(room, after = "") {
    const { count, approximate } = this.count(room);
    if (approximate) return { room, members: [], count, approximate, more: false };
    const people = [...this.people(room).values()].sort((a, b) => (a.user < b.user ? -1 : 1));
    const later = people.filter(({ user }) => user > after);
    return { room, members: later.slice(0, this.pageSize), count: people.length, more: later.length > this.pageSize };
  }

  /** A person has joined or left: the room gets a frame when the stream wakes the fan-out, with the members of then. */
  onChange(room, person) {
    const changed = this.#changed.get(room) ?? [];
    this.#changed.set(room, [...changed, person]);
    if (changed.length === 0) this.#server.time.setTimeout(() => this.#send(room), this.#server.streamLag());
  }

  #send(room) {
    const changed = new Map(this.#changed.get(room).map((person) => [person.user, person]));
    this.#changed.delete(room);
    if (this.#server.time.now() < this.#pausedUntil.get(room)) return;
    if (this.#server.members(room).length > this.limit) return this.#sendAbove(room);
    this.#pausedUntil.delete(room);
    const people = this.people(room);
    const joined = [...changed.keys()].filter((user) => people.has(user)).map((user) => people.get(user));
    const left = [...changed.values()].filter(({ user }) => !people.has(user));
    this.#server.sendToRoom(room, { type: "presence", room, joined, left, count: people.size });
  }

  /** A room has grown above the limit: it is told once, and counted again after a minute. */
  #sendAbove(room) {
    const isNew = !this.#pausedUntil.has(room);
    this.#pausedUntil.set(room, this.#server.time.now() + 60_000);
    if (isNew) this.#server.sendToRoom(room, { type: "presence", room, joined: [], left: [], ...this.count(room) });
  }
}
