import { byName } from "../../text/names.js";
import { Names } from "./names.js";

/**
 * @typedef {import("../../../roomcast.js").Person} Person
 * @typedef {Person & {tag: string, mine: boolean}} Member - `tag`: tells the user from others of that name; else empty
 * @typedef {{count: number, approximate: boolean, people: Member[]}} Members - above the presence limit nobody is
 *   listed
 */

/** The people of one room: who is here, who is typing, and the names of all who were seen here. */
export class RoomPeople {
  /** Undefined until it is known. @type {Members | undefined} */
  members;
  /** The other users who are typing now. @type {readonly Member[]} */
  typing = [];
  names = new Names();
  #room;
  #onChange;

  /** @param {import("../../../roomcast.js").Room} room @param {() => void} onChange */
  constructor(room, onChange) {
    this.#room = room;
    this.#onChange = onChange;
    room.addEventListener("message", ({ detail }) => this.#learn([detail]));
    room.addEventListener("presence", ({ detail: { count, approximate, members } }) => {
      const people = [...(members?.values() ?? [])];
      this.#learn(people);
      this.members = { count, approximate, people: people.map((person) => this.#member(person)).sort(inOrder) };
      onChange();
    });
    room.addEventListener("typing", ({ detail: typing }) => {
      this.typing = typing.map((person) => this.#member(person));
      onChange();
    });
  }

  /** The room was left: nobody tells any more who is here. */
  clear() {
    this.members = undefined;
    this.typing = [];
  }

  /** @param {readonly Person[]} people */
  #learn(people) {
    const { version } = this.names;
    for (const { user, name } of people) this.names.learn(user, name);
    if (this.names.version === version) return;
    if (this.members) this.members = { ...this.members, people: this.members.people.map((member) => this.#member(member)) };
    this.#onChange();
  }

  /** @param {Person} person @returns {Member} */
  #member({ user, name }) {
    return { user, name, tag: this.names.tagOf(user, name), mine: user === this.#room.user };
  }
}

/** @param {Member} one @param {Member} other */
const inOrder = (one, other) => Number(other.mine) - Number(one.mine) || byName(one.name, other.name);
