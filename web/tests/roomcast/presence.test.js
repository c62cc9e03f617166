import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Person } from "../support/client-fixture.js";
import { ScriptedServer } from "../support/server.js";
import { FakeTime } from "../support/time.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

let time, server, moves;
const person = (client, options) => new Person(server, { client, name: client.toUpperCase(), ...options });
const namesOf = (people) => people && [...people.values()].map(({ name }) => name).sort();
const asked = () => server.askedFor("presence").length;

/** A member who writes down who comes and goes. */
async function watcher(client, options) {
  const one = person(client, options);
  const { room } = await one.join("general");
  room.addEventListener("presence", ({ detail }) => moves.push(told(detail)));
  await time.pass(20);
  return { ...one, chat: one.chat, room };
}

const told = ({ joined, left, count }) => [
  ...joined.map(({ name }) => `+${name}`),
  ...left.map(({ name }) => `-${name}`),
  count,
].join(" ");

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  server.tellsMoves = true;
  moves = [];
});

describe("who is here", () => {
  it("is asked for only when somebody wants to know", async () => {
    const { room } = await person("ada").join("general");
    await time.pass(MINUTE);
    assert.deepEqual([asked(), room.members, room.count], [0, null, null]);
    const presence = room.presence();
    await time.pass(10);
    const { members, count, approximate } = await presence;
    assert.deepEqual([namesOf(members), count, approximate], [["ADA"], 1, false]);
    assert.deepEqual([room.members, room.count], [members, 1]);
    await room.presence();
    assert.equal(asked(), 1);
  });

  it("is told to a listener at once, and from then on whenever it changes", async () => {
    await person("bob").join("general");
    const { room } = await watcher("ada");
    await person("eve").join("general");
    assert.deepEqual(moves, ["2", "+EVE 3"]);
    assert.deepEqual(namesOf(room.members), ["ADA", "BOB", "EVE"]);
    assert.equal(asked(), 1);
  });

  it("may be wanted before the room is joined", async () => {
    const { chat } = person("ada");
    chat.join("general");
    chat.rooms[0].addEventListener("presence", ({ detail }) => moves.push(told(detail)));
    await time.pass(50);
    assert.deepEqual([moves, asked()], [["1"], 1]);
  });

  it("has each person once, however many tabs they have", async () => {
    await watcher("ada");
    const tabs = [person("bob"), person("bob"), person("bob")];
    for (const tab of tabs) await tab.join("general");
    for (const { chat } of tabs.slice(1)) chat.close();
    await time.pass(10 * SECOND);
    assert.deepEqual(moves, ["1", "+BOB 2"]);
    tabs[0].chat.close();
    await time.pass(10 * SECOND);
    assert.deepEqual(moves.slice(2), ["-BOB 1"]);
  });

  it("lets who leaves stay for five seconds, as a reload leaves and comes", async () => {
    const { room } = await watcher("ada");
    const bob = person("bob");
    await bob.join("general");
    bob.chat.close();
    await time.pass(4 * SECOND);
    await person("bob").join("general");
    await time.pass(MINUTE);
    assert.deepEqual(moves, ["1", "+BOB 2"]);
    for (const socket of server.open) if (socket.user === "bob") socket.cut();
    server.handshake = () => "refuse";
    await time.pass(4.9 * SECOND);
    assert.equal(room.count, 2);
    await time.pass(SECOND);
    assert.deepEqual([room.count, moves.at(-1), asked()], [1, "-BOB 1", 1]);
  });

  it("has the name that a person has taken since", async () => {
    const { room } = await watcher("ada");
    const bob = person("bob");
    await bob.join("general");
    bob.chat.rename("Robert");
    await time.pass(10 * SECOND);
    assert.deepEqual(moves, ["1", "+BOB 2", "2"]);
    assert.deepEqual(namesOf(room.members), ["ADA", "Robert"]);
  });

  it("is asked for again, soon but not at once, where the server counts others than one has", async () => {
    const { room } = await watcher("ada", { random: () => 0.9 });
    server.isShed = () => true;
    await person("bob").join("general");
    server.isShed = () => false;
    await person("eve").join("general");
    assert.deepEqual(moves, ["1", "+EVE 2"]);
    await time.pass(4.4 * SECOND);
    assert.equal(asked(), 1);
    await time.pass(SECOND);
    assert.deepEqual([moves.at(-1), namesOf(room.members), asked()], ["+BOB 3", ["ADA", "BOB", "EVE"], 2]);
  });

  it("is asked for as soon in a room that is never quiet, and each time that something was missed", async () => {
    const { room } = await watcher("ada", { random: () => 0.9 });
    for (let number = 1; number <= 12; number++) {
      server.isShed = () => number % 4 === 1;
      await person(`c${number}`).join("general", { wait: 2 * SECOND });
    }
    await time.pass(2 * SECOND);
    assert.deepEqual([room.count, asked()], [13, 4]);
  });

  it("is asked for ever less often of a server that cannot count", async () => {
    const { room } = await watcher("ada");
    const people = server.attendance.answer.bind(server.attendance);
    server.attendance.answer = (...question) => ({ ...people(...question), count: 7 });
    server.socket.tell({ type: "presence", room: "general", joined: [], left: [], count: 7 });
    await time.pass(10 * MINUTE);
    assert.ok(asked() < 30, `${asked()} questions in ten minutes`);
    assert.equal(room.count, 1);
  });

  it("misses nobody who came, and nobody who went, while the answer was on its way", async () => {
    const bob = person("bob");
    await bob.join("general");
    server.wayOut = ({ members }) => (members ? 500 : 1);
    const { room } = await watcher("ada");
    bob.chat.close();
    await person("eve").join("general");
    await time.pass(SECOND);
    assert.deepEqual([moves, namesOf(room.members), asked()], [["2"], ["ADA", "EVE"], 1]);
  });

  it("comes in as many pages as it takes", async () => {
    server.attendance.page = 2;
    for (const client of ["bob", "cy", "dan", "eve"]) await person(client).join("general");
    const { room } = await watcher("ada");
    await time.pass(SECOND);
    assert.deepEqual(namesOf(room.members), ["ADA", "BOB", "CY", "DAN", "EVE"]);
    assert.deepEqual(server.askedFor("presence").map(({ after }) => after), [undefined, "bob", "dan"]);
  });

  it("is asked for now and then in a quiet room, for the last frame may have been missed", async () => {
    const { room } = await watcher("ada");
    server.isShed = () => true;
    await person("bob").join("general");
    server.isShed = () => false;
    await time.pass(8 * MINUTE);
    assert.deepEqual([namesOf(room.members), asked()], [["ADA", "BOB"], 2]);
  });
});

describe("after a lost connection", () => {
  it("the list is replaced", async () => {
    const bob = person("bob");
    await bob.join("general");
    const { room } = await watcher("ada");
    server.handshake = ({ user }) => (user === "ada" ? "refuse" : "open");
    server.socket.cut();
    bob.chat.close();
    await person("eve").join("general");
    await time.pass(SECOND);
    assert.deepEqual(namesOf(room.members), ["ADA", "BOB"]);
    server.handshake = () => "open";
    await time.pass(40 * SECOND);
    assert.deepEqual([moves, namesOf(room.members)], [["2", "+EVE 3", "-BOB 2"], ["ADA", "EVE"]]);
  });

  it("a question that was under way is asked again", async () => {
    const { room } = await person("ada").join("general");
    server.isLost = (way, { action }) => action === "presence";
    const presence = room.presence();
    await time.pass(10);
    server.isLost = () => false;
    server.socket.cut();
    await time.pass(SECOND);
    assert.equal((await presence).count, 1);
  });

  it("pages of two connections are not mixed", async () => {
    server.attendance.page = 1;
    const bob = person("bob");
    await bob.join("general");
    const ada = person("ada");
    const { room } = await ada.join("general");
    server.wayOut = ({ members }) => (members ? 200 : 1);
    const presence = room.presence();
    await time.pass(300); // between the pages
    bob.chat.close();
    server.socket.cut();
    await time.pass(5 * SECOND);
    assert.deepEqual(namesOf((await presence).members), ["ADA"]);
  });

  it("what the old socket of a hand-over still tells counts no more", async () => {
    const { room } = await watcher("ada", { lifetime: MINUTE });
    const [old] = server.sockets;
    server.wayIn = ({ action }) => (action === "history" ? 3 * SECOND : 1);
    await time.pass(MINUTE - 200);
    room.history({ before: 7 }); // keeps the old socket open
    await time.pass(SECOND);
    old.tell({ type: "presence", room: "general", joined: [{ user: "x", name: "X" }], left: [], count: 1 });
    await time.pass(10);
    assert.deepEqual([server.open.length, namesOf(room.members)], [2, ["ADA"]]);
  });
});

describe("a crowd", () => {
  beforeEach(() => {
    server.attendance.crowd = 3;
  });

  it("is a number, that is asked for about once a minute", async () => {
    for (const client of ["bob", "cy", "dan"]) await person(client).join("general");
    const { room } = await watcher("ada");
    assert.deepEqual([moves, room.members, room.count], [["4"], null, 4]);
    assert.equal((await room.presence()).approximate, true);
    await person("eve").join("general");
    await time.pass(59 * SECOND);
    assert.deepEqual([room.count, asked()], [4, 1]);
    await time.pass(31 * SECOND);
    assert.deepEqual([moves, room.count, asked()], [["4", "5"], 5, 2]);
  });

  it("is asked for the less often the larger it is", async () => {
    server.attendance.crowd = 0;
    server.attendance.answer = (room) => ({ room, members: [], count: 20_000, approximate: true, more: false });
    await watcher("ada");
    await time.pass(60 * MINUTE);
    assert.ok(asked() <= 4, `${asked()} questions in an hour`);
  });

  it("becomes a list again when it has gone", async () => {
    const others = ["bob", "cy", "dan"].map((client) => person(client));
    for (const other of others) await other.join("general");
    const { room } = await watcher("ada");
    for (const { chat } of others.slice(1)) chat.close();
    await time.pass(10 * SECOND);
    assert.deepEqual([namesOf(room.members), moves, asked()], [["ADA", "BOB"], ["4", "2"], 2]);
  });

  it("takes the place of a list", async () => {
    const { room } = await watcher("ada");
    for (const client of ["bob", "cy", "dan"]) await person(client).join("general");
    assert.deepEqual(namesOf(room.members), ["ADA", "BOB", "CY"]);
    await time.pass(8 * MINUTE);
    assert.deepEqual([room.members, room.count, moves.at(-1)], [null, 4, "4"]);
  });
});

describe("who may not know", () => {
  it("is told so", async () => {
    const { room } = await person("ada").join("general");
    server.refusal = ({ action }) => action === "presence" && { code: "forbidden" };
    const refused = assert.rejects(room.presence(), { code: "forbidden" });
    await time.pass(10);
    await refused;
    server.refusal = () => null;
    const presence = room.presence();
    await time.pass(10);
    assert.equal((await presence).count, 1);
  });

  it("has to wait where it is asked too often", async () => {
    const { room } = await person("ada").join("general");
    let times = 0;
    server.refusal = ({ action }) => action === "presence" && times++ < 1 && { code: "rate_limited", retry_after: 3 };
    const presence = room.presence();
    await time.pass(2.9 * SECOND);
    assert.equal(times, 1);
    await time.pass(2 * SECOND);
    assert.equal((await presence).count, 1);
  });

  it("is told why it will never be known, when the room is left first", async () => {
    const { room } = await person("ada").join("general");
    server.isLost = (way, { action }) => action === "presence";
    const refused = assert.rejects(room.presence(), { code: "left" });
    await time.pass(10);
    room.leave();
    await refused;
    await assert.rejects(room.presence(), { code: "left" });
  });
});

it("leaves no timer behind", async () => {
  const { chat } = await watcher("ada");
  const bob = person("bob");
  await bob.join("general");
  bob.chat.close();
  await time.pass(SECOND); // Bob is still shown
  chat.close();
  await time.pass(SECOND);
  assert.equal(time.waiting, 0);
});
