import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeStorage } from "../../support/storage.js";
import { FakeTime } from "../../support/time.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

let time, server;
const client = (user, options) => new Client(server, { client: user, name: user.toUpperCase(), ...options });
const roomsOf = (socket) => socket.url.searchParams.getAll("room");

/** A member that records changed messages and moderators' actions. */
async function member(user, { history, ...options } = {}) {
  const tab = client(user, options);
  const record = await tab.join("general", { history });
  const { room } = record;
  const [changed, actions] = [[], []];
  room.addEventListener("changed", ({ detail: { seq, message, deleted } }) => changed.push([seq, message, deleted]));
  room.addEventListener("moderated", ({ detail }) => actions.push(detail));
  room.addEventListener("moderated", ({ detail: { action } }) => record.events.push(`moderated: ${action}`));
  return { chat: tab.chat, room, record, changed, actions };
}

async function moderator(user, options) {
  const mod = await member(user, options);
  server.socket.isModerator = true;
  return mod;
}

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
});

describe("a deleted message", () => {
  it("is reported to a client that has shown it", async () => {
    server.say("general", "bad");
    const { record, changed } = await member("ada");
    server.moderation.delete("general", 1);
    await time.pass(10);
    assert.deepEqual([record.texts, changed], [["bad"], [[1, "", true]]]);
  });

  it("is not reported if it is older than what was shown", async () => {
    for (const text of ["bad", "good"]) server.say("general", text);
    const { changed } = await member("ada", { history: 1 });
    server.moderation.delete("general", 1);
    await time.pass(10);
    assert.deepEqual(changed, []);
  });

  it("is never shown if it still waits behind a gap", async () => {
    const { record, changed } = await member("ada");
    const missing = server.reserve("general");
    const seq = server.say("general", "bad");
    await time.pass(100);
    server.moderation.delete("general", seq);
    await time.pass(100);
    server.write("general", missing, "first");
    await time.pass(10 * SECOND);
    assert.deepEqual([record.texts, record.messages.at(-1).deleted, changed], [["first", ""], true, []]);
  });

  it("is never shown if the deletion comes before the message", async () => {
    const { record, changed } = await member("ada");
    const seq = server.store("general", "bad");
    const { message } = server.log("general").rows.get(seq);
    server.moderation.delete("general", seq);
    await time.pass(10);
    assert.deepEqual([record.texts, record.messages[0].deleted], [[""], true]);
    server.socket.push({ type: "messages", room: "general", epoch: server.log("general").epoch, messages: [message] });
    server.say("general", "good");
    await time.pass(SECOND);
    assert.deepEqual([record.texts, record.messages[0].deleted, changed], [["", "good"], true, []]);
  });

  it("is never shown if it is in a history that was read before", async () => {
    server.say("general", "bad");
    server.delayOut = ({ type, messages }) => (type === "reply" && messages ? 200 : 1);
    const joining = client("ada").startJoin("general");
    await time.pass(100);
    server.moderation.delete("general", 1);
    await time.pass(SECOND);
    assert.deepEqual((await joining).texts, [""]);
  });

  it("is not in an earlier page that was read before the deletion", async () => {
    for (const text of ["bad", "good"]) server.say("general", text);
    const { room } = await member("ada", { history: 1 });
    server.delayOut = ({ type }) => (type === "reply" ? 200 : 1);
    const reading = room.history();
    await time.pass(100);
    server.moderation.delete("general", 1);
    await time.pass(SECOND);
    assert.deepEqual((await reading).messages.map(({ message, deleted }) => [message, deleted]), [["", true]]);
  });

  for (const [name, absence] of [["for long", 2 * MINUTE], ["for a second", SECOND]]) {
    it(`is found by a client that was away ${name}`, async () => {
      for (const text of ["bad", "good"]) server.say("general", text);
      const { record, changed } = await member("ada");
      server.handshake = () => "reject";
      server.socket.cut();
      server.moderation.delete("general", 1);
      await time.pass(absence);
      server.handshake = () => "open";
      await time.pass(MINUTE);
      assert.deepEqual([record.texts, changed], [["bad", "good"], [[1, "", true]]]);
    });
  }

  it("needs no request after an absence", async () => {
    for (const text of ["bad", "good"]) server.say("general", text);
    const { changed } = await member("ada");
    const before = server.requests("history").length;
    server.socket.cut();
    server.moderation.delete("general", 1);
    await time.pass(MINUTE);
    assert.deepEqual([changed, server.requests("history").length], [[[1, "", true]], before]);
  });
});

describe("a moderator", () => {
  it("deletes, bans, mutes, slows and locks, and every member is told", async () => {
    const { actions, changed } = await member("ada");
    const { room } = await moderator("mod");
    server.say("general", "bad");
    const [soon, later] = [60, 90].map((seconds) => new Date(time.now() + 1 + seconds * SECOND).toISOString());
    const bans = [room.ban("eve", 60), room.mute("ada", 90)];
    const done = Promise.all([room.delete(1), ...bans, room.setSlowMode(5), room.lock()]);
    await time.pass(10);
    const [{ seq, of }, ...others] = await done;
    assert.deepEqual([seq, of], [2, 1]);
    assert.deepEqual(others, [{ until: soon, expiresIn: 60 }, { until: later, expiresIn: 90 }, undefined, undefined]);
    assert.deepEqual(changed, [[1, "", true]]);
    assert.deepEqual(actions, [
      { action: "ban", moderator: "MOD", user: "eve", until: soon, seconds: 60, expiresIn: 60 },
      { action: "mute", moderator: "MOD", user: "ada", until: later, seconds: 90, expiresIn: 90 },
      { action: "slow_mode", moderator: "MOD", seconds: 5 },
      { action: "lock", moderator: "MOD", locked: true },
    ]);
  });

  it("does not take the end of a mute for that of the token", async () => {
    const { room } = await moderator("mod");
    const muted = room.mute("ada", 60);
    await time.pass(10 * MINUTE);
    await muted;
    assert.equal(server.sockets.length, 1);
  });

  it("unlocks a room", async () => {
    const { room, actions } = await moderator("mod");
    room.lock(false);
    await time.pass(10);
    assert.deepEqual(actions, [{ action: "lock", moderator: "MOD", locked: false }]);
  });

  it("is a moderator only if the server says so", async () => {
    const { room } = await member("ada");
    server.say("general", "Hi");
    const actions = [room.delete(1), room.ban("eve", 60), room.mute("eve", 60), room.setSlowMode(5), room.lock()];
    const rejected = actions.map((action) => assert.rejects(action, { name: "RoomcastError", code: "forbidden" }));
    await time.pass(10);
    await Promise.all(rejected);
  });

  it("may do something that this version does not know", async () => {
    const { actions, room } = await member("ada");
    server.sendToRoom("general", { type: "moderated", room: "general", action: "praise", moderator: "MOD", stars: 5 });
    await time.pass(10);
    assert.deepEqual([actions, room.state], [[{ action: "praise", moderator: "MOD" }], "joined"]);
  });
});

describe("a banned user", () => {
  it("has left the room, with all pending messages", async () => {
    const storage = new FakeStorage();
    const { chat, room, record } = await member("eve", { storage });
    server.isLost = (way, { action }) => action === "send";
    const rejected = assert.rejects(room.send("Hi"), { code: "banned" });
    server.moderation.ban("general", "eve", 60);
    await time.pass(10);
    await rejected;
    assert.deepEqual(record.events, ["joined", "moderated: ban", "failed: banned", "left: banned"]);
    assert.deepEqual([room.state, chat.joined, storage.items.size], ["left", [], 0]);
    await assert.rejects(room.send("Hi"), { code: "banned" });
  });

  it("may join again when the ban is over", async () => {
    const { chat } = await member("eve");
    server.moderation.ban("general", "eve", 60);
    await time.pass(SECOND);
    const rejected = assert.rejects(chat.join("general"), { code: "forbidden" });
    await time.pass(MINUTE);
    await rejected;
    const room = chat.join("general");
    await time.pass(10);
    assert.equal((await room).state, "joined");
  });

  it("has left the room in every tab, and other users have not", async () => {
    const [eve, tab, ada] = [await member("eve"), await member("eve"), await member("ada")];
    server.moderation.ban("general", "eve", 60);
    await time.pass(10);
    assert.deepEqual([eve, tab, ada].map(({ room }) => room.state), ["left", "left", "joined"]);
  });

  it("does not name the room in the address any more, because the server would reject the handshake", async () => {
    const { chat } = await member("eve");
    chat.join("random");
    await time.pass(10);
    server.moderation.ban("general", "eve", 60);
    await time.pass(10);
    server.socket.cut();
    await time.pass(SECOND);
    assert.deepEqual(roomsOf(server.socket), ["random"]);
  });

  it("stays in the room if the ban is already over", async () => {
    const { room } = await member("eve");
    server.moderation.ban("general", "eve", 0);
    await time.pass(10);
    assert.equal(room.state, "joined");
  });

  it("needs no correct clock: the server says how many seconds remain", async () => {
    const { room } = await member("eve");
    const frame = { type: "moderated", room: "general", action: "ban", moderator: "MOD", user: "eve", seconds: 60 };
    time.setForward(-60 * MINUTE);
    server.socket.push({ ...frame, until: new Date(time.now() + 60 * MINUTE).toISOString(), expires_in: 0 }); // late
    await time.pass(10);
    assert.equal(room.state, "joined");
    server.socket.push({ ...frame, until: new Date(time.now() - MINUTE).toISOString(), expires_in: 55 });
    await time.pass(10);
    assert.equal(room.state, "left");
  });

  it("has left the room even while joining it again", async () => {
    const { room } = await member("eve");
    server.delayIn = ({ action }) => (action === "join" ? 500 : 1);
    server.socket.cut();
    await time.pass(SECOND / 2);
    server.moderation.ban("general", "eve", 60); // a member by the address, before the reply to the join
    await time.pass(SECOND);
    assert.equal(room.state, "left");
  });
});
