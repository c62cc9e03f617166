import { folded, tagOf } from "../../text/names.js";

/** The names under which people were seen in a room, and what tells those of one name apart. */
export class Names {
  /** It grows when something that was asked before has another answer now. */
  version = 0;
  /** @type {Map<string, Set<string>>} all names of a user, the newest last */
  #names = new Map();
  /** @type {Map<string, Set<string>>} the users of a name, by its folded form */
  #users = new Map();
  /** @type {Set<string>} users whose names were asked for before they were known */
  #awaited = new Set();

  /** @param {string} user @param {string} name - the user's present one */
  learn(user, name) {
    const names = this.#names.get(user) ?? new Set();
    if (names.has(name)) names.delete(name);
    else if (this.#awaited.has(user)) this.version++;
    this.#names.set(user, names.add(name));
    const users = this.#users.get(folded(name)) ?? new Set();
    if (users.size > 0 && !users.has(user)) this.version++;
    this.#users.set(folded(name), users.add(user));
  }

  /** @param {string} user @returns {string | undefined} the newest name, if the user was seen here */
  nameOf(user) {
    return [...(this.#names.get(user) ?? [])].at(-1);
  }

  /** @param {readonly string[]} users @returns {string[]} all names that they had here */
  namesOf(users) {
    return users.flatMap((user) => {
      if (!this.#names.has(user)) this.#awaited.add(user);
      return [...(this.#names.get(user) ?? [])];
    });
  }

  /** @param {string} user @param {string} name @returns {string} empty unless somebody else has that name, too */
  tagOf(user, name) {
    const users = this.#users.get(folded(name)) ?? new Set();
    return user && users.size > (users.has(user) ? 1 : 0) ? tagOf(user) : "";
  }
}
