/**
 * @typedef {import("../roomcast.js").Person} Person
 * @typedef {Person & {mine: boolean}} Member
 * @typedef {{count: number, approximate: boolean, people: Member[]}} Members - above the presence limit nobody is
 *   listed
 */

/** The people of one room: who is here, who is typing, and the names of all who were seen here. */
export class RoomPeople {
  /** Undefined until it is known. @type {Members | undefined} */
  members;
  /** The other users who are typing now. @type {readonly Person[]} */
  typing = [];
  /** @type {Map<string, string>} by user */
  #names = new Map();

  /** @param {import("../roomcast.js").Room} room @param {() => void} onChange */
  constructor(room, onChange) {
    room.addEventListener("message", ({ detail: { user, name } }) => this.#names.set(user, name));
    room.addEventListener("presence", ({ detail: { count, approximate, members } }) => {
      for (const { user, name } of members?.values() ?? []) this.#names.set(user, name);
      const people = [...(members?.values() ?? [])]
        .map(({ user, name }) => ({ user, name, mine: user === room.user }))
        .sort((one, other) => Number(other.mine) - Number(one.mine) || one.name.localeCompare(other.name));
      this.members = { count, approximate, people };
      onChange();
    });
    room.addEventListener("typing", ({ detail: typing }) => {
      this.typing = typing;
      onChange();
    });
  }

  /** @param {string} user @returns {string | undefined} the name, if the user was seen here */
  nameOf(user) {
    return this.#names.get(user);
  }

  /** The room was left: nobody tells any more who is here. */
  clear() {
    this.members = undefined;
    this.typing = [];
  }
}
