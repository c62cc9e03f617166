/** Who is in the rooms of a server, and the telling of it. */
export class Attendance {
  crowd = Infinity; // a room of more members is told of nobody's coming and going
  page = Infinity; // people in one answer
  /** @type {Map<string, {user: string, name: string}[]>} of whom a room is to be told, by room */
  #moved = new Map();
  #server;

  constructor(server) {
    this.#server = server;
  }

  /** @returns who is in a room, each once, by the name of the latest connection */
  people(room) {
    return new Map(this.#server.members(room).map(({ person }) => [person.user, person]));
  }

  /** An answer to whoever asks. */
  answer(room, after = "") {
    const count = this.#server.members(room).length;
    if (count > this.crowd) return { room, members: [], count, approximate: true, more: false };
    const people = [...this.people(room).values()].sort((a, b) => (a.user < b.user ? -1 : 1));
    const rest = people.filter(({ user }) => user > after);
    return { room, members: rest.slice(0, this.page), count: people.length, more: rest.length > this.page };
  }

  /** Somebody has come or gone: the room is told when the stream wakes the fan-out, which looks who is there then. */
  moved(room, person) {
    const moved = this.#moved.get(room) ?? [];
    this.#moved.set(room, [...moved, person]);
    if (moved.length === 0) this.#server.time.setTimeout(() => this.#tell(room), this.#server.lag());
  }

  #tell(room) {
    const moved = new Map(this.#moved.get(room).map((person) => [person.user, person]));
    this.#moved.delete(room);
    if (this.#server.members(room).length > this.crowd) return;
    const here = this.people(room);
    const joined = [...moved.keys()].filter((user) => here.has(user)).map((user) => here.get(user));
    const left = [...moved.values()].filter(({ user }) => !here.has(user));
    this.#server.tellAll(room, { type: "presence", room, joined, left, count: here.size });
  }
}
