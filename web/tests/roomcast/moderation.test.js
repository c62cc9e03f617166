import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { FakeStorage, Person } from "../support/client-fixture.js";
import { ScriptedServer } from "../support/server.js";
import { FakeTime } from "../support/time.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

let time, server;
const person = (client, options) => new Person(server, { client, name: client.toUpperCase(), ...options });
const roomsOf = (socket) => socket.url.searchParams.getAll("room");

/** A member who writes down what is deleted, and what moderators do. */
async function member(client, { history, ...options } = {}) {
  const one = person(client, options);
  const visit = await one.join("general", { history });
  const { room } = visit;
  const [changed, acts] = [[], []];
  room.addEventListener("changed", ({ detail: { seq, message, deleted } }) => changed.push([seq, message, deleted]));
  room.addEventListener("moderated", ({ detail }) => acts.push(detail));
  room.addEventListener("moderated", ({ detail: { action } }) => visit.events.push(`moderated: ${action}`));
  return { chat: one.chat, room, visit, changed, acts };
}

async function moderator(client, options) {
  const mod = await member(client, options);
  server.socket.isModerator = true;
  return mod;
}

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
});

describe("a message that is deleted", () => {
  it("is told to whoever has seen it", async () => {
    server.say("general", "bad");
    const { visit, changed } = await member("ada");
    server.moderation.delete("general", 1);
    await time.pass(10);
    assert.deepEqual([visit.texts, changed], [["bad"], [[1, "", true]]]);
  });

  it("is told though it is older than what the room began with", async () => {
    for (const text of ["bad", "good"]) server.say("general", text);
    const { changed } = await member("ada", { history: 1 });
    server.moderation.delete("general", 1);
    await time.pass(10);
    assert.deepEqual(changed, [[1, "", true]]);
  });

  it("is never shown where it still waits for its turn", async () => {
    const { visit, changed } = await member("ada");
    const hole = server.begin("general");
    const seq = server.say("general", "bad");
    await time.pass(100);
    server.moderation.delete("general", seq);
    await time.pass(100);
    server.fill("general", hole, "first");
    await time.pass(10 * SECOND);
    assert.deepEqual([visit.texts, visit.messages.at(-1).deleted, changed], [["first", ""], true, []]);
  });

  it("is never shown where that is told before the message is", async () => {
    const { visit, changed } = await member("ada");
    const seq = server.store("general", "bad");
    const { message } = server.log("general").rows.get(seq);
    server.moderation.delete("general", seq);
    await time.pass(10);
    server.socket.tell({ type: "messages", room: "general", messages: [message] });
    server.say("general", "good");
    await time.pass(SECOND);
    assert.deepEqual([visit.texts, visit.messages[0].deleted, changed], [["", "good"], true, []]);
  });

  it("is never shown where the history was read before", async () => {
    server.say("general", "bad");
    server.wayOut = ({ type, messages }) => (type === "reply" && messages ? 200 : 1);
    const joining = person("ada").visit("general");
    await time.pass(100);
    server.moderation.delete("general", 1);
    await time.pass(SECOND);
    assert.deepEqual((await joining).texts, [""]);
  });

  it("is not in an earlier page that was read before", async () => {
    for (const text of ["bad", "good"]) server.say("general", text);
    const { room } = await member("ada", { history: 1 });
    server.wayOut = ({ type }) => (type === "reply" ? 200 : 1);
    const reading = room.history();
    await time.pass(100);
    server.moderation.delete("general", 1);
    await time.pass(SECOND);
    assert.deepEqual((await reading).messages.map(({ message, deleted }) => [message, deleted]), [["", true]]);
  });

  it("is found out by whoever was away for long", async () => {
    for (const text of ["bad", "good"]) server.say("general", text);
    const { visit, changed } = await member("ada");
    server.handshake = () => "refuse";
    server.socket.cut();
    server.moderation.delete("general", 1);
    await time.pass(2 * MINUTE);
    server.handshake = () => "open";
    await time.pass(MINUTE);
    assert.deepEqual([visit.texts, changed], [["bad", "good"], [[1, "", true]]]);
  });
});

describe("a moderator", () => {
  it("deletes, sends out, silences, slows and closes, and all are told", async () => {
    const { acts, changed } = await member("ada");
    const { room } = await moderator("mod");
    server.say("general", "bad");
    const [soon, later] = [60, 90].map((seconds) => new Date(time.now() + 1 + seconds * SECOND).toISOString());
    const done = Promise.all([room.delete(1), room.ban("eve", 60), room.mute("ada", 90), room.setSlowMode(5), room.lock()]);
    await time.pass(10);
    assert.deepEqual(await done, [undefined, { until: soon }, { until: later }, undefined, undefined]);
    assert.deepEqual(changed, [[1, "", true]]);
    assert.deepEqual(acts, [
      { action: "ban", moderator: "MOD", user: "eve", until: soon },
      { action: "mute", moderator: "MOD", user: "ada", until: later },
      { action: "slow_mode", moderator: "MOD", seconds: 5 },
      { action: "lock", moderator: "MOD", locked: true },
    ]);
  });

  it("opens a room again", async () => {
    const { room, acts } = await moderator("mod");
    room.lock(false);
    await time.pass(10);
    assert.deepEqual(acts, [{ action: "lock", moderator: "MOD", locked: false }]);
  });

  it("is one because the server says so", async () => {
    const { room } = await member("ada");
    const acts = [room.delete(1), room.ban("eve", 60), room.mute("eve", 60), room.setSlowMode(5), room.lock()];
    const refused = acts.map((act) => assert.rejects(act, { name: "RoomcastError", code: "forbidden" }));
    await time.pass(10);
    await Promise.all(refused);
  });

  it("may do what this version does not know", async () => {
    const { acts, room } = await member("ada");
    server.tellAll("general", { type: "moderated", room: "general", action: "praise", moderator: "MOD", stars: 5 });
    await time.pass(10);
    assert.deepEqual([acts, room.state], [[{ action: "praise", moderator: "MOD" }], "joined"]);
  });
});

describe("who is banned", () => {
  it("is out of the room, with all that was still to be sent", async () => {
    const storage = new FakeStorage();
    const { chat, room, visit } = await member("eve", { storage });
    server.isLost = (way, { action }) => action === "send";
    const refused = assert.rejects(room.send("Hi"), { code: "banned" });
    server.moderation.ban("general", "eve", 60);
    await time.pass(10);
    await refused;
    assert.deepEqual(visit.events, ["joined", "moderated: ban", "failed: banned", "left: banned"]);
    assert.deepEqual([room.state, chat.rooms, storage.items.size], ["left", [], 0]);
    await assert.rejects(room.send("Hi"), { code: "banned" });
  });

  it("may come back when the time is over", async () => {
    const { chat } = await member("eve");
    server.moderation.ban("general", "eve", 60);
    await time.pass(SECOND);
    const refused = assert.rejects(chat.join("general"), { code: "forbidden" });
    await time.pass(MINUTE);
    await refused;
    const room = chat.join("general");
    await time.pass(10);
    assert.equal((await room).state, "joined");
  });

  it("is out of it in every tab, and others are not", async () => {
    const [eve, tab, ada] = [await member("eve"), await member("eve"), await member("ada")];
    server.moderation.ban("general", "eve", 60);
    await time.pass(10);
    assert.deepEqual([eve, tab, ada].map(({ room }) => room.state), ["left", "left", "joined"]);
  });

  it("does not name the room in the address any more, which would lock one out of the others", async () => {
    const { chat } = await member("eve");
    chat.join("random");
    await time.pass(10);
    server.moderation.ban("general", "eve", 60);
    await time.pass(10);
    server.socket.cut();
    await time.pass(SECOND);
    assert.deepEqual(roomsOf(server.socket), ["random"]);
  });

  it("is let in again where the time that is told is over", async () => {
    const { room } = await member("eve");
    server.moderation.ban("general", "eve", 0);
    await time.pass(10);
    assert.equal(room.state, "joined");
  });

  it("need not have a clock that is right where the server says for how long", async () => {
    const { room } = await member("eve");
    const frame = { type: "moderated", room: "general", action: "ban", moderator: "MOD", user: "eve" };
    const until = new Date(time.now()).toISOString();
    time.setBack(60 * MINUTE);
    server.socket.tell({ ...frame, until, seconds: 0 });
    await time.pass(10);
    assert.equal(room.state, "joined");
    server.socket.tell({ ...frame, until: new Date(time.now() - MINUTE).toISOString(), seconds: 60 });
    await time.pass(10);
    assert.equal(room.state, "left");
  });

  it("while joining again is out of it, too", async () => {
    const { room } = await member("eve");
    server.wayIn = ({ action }) => (action === "join" ? 500 : 1);
    server.socket.cut();
    await time.pass(SECOND / 2);
    server.moderation.ban("general", "eve", 60); // in by the address, before the join is answered
    await time.pass(SECOND);
    assert.equal(room.state, "left");
  });
});
