import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeTime } from "../../support/time.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

let time, server, updates;
const client = (user, options) => new Client(server, { client: user, name: user.toUpperCase(), ...options });
const namesOf = (people) => people && [...people.values()].map(({ name }) => name).sort();
const requested = () => server.requests("presence").length;

/** A member that records presence events. */
async function watcher(user, options) {
  const tab = client(user, options);
  const { room } = await tab.join("general");
  room.addEventListener("presence", ({ detail }) => updates.push(asText(detail)));
  await time.pass(20);
  return { chat: tab.chat, room };
}

/** The room of a member that does not receive the frame about the other one who leaves. */
async function missesWhoLeaves(user, other) {
  const leaver = client(other);
  await leaver.join("general");
  const { room } = await watcher(user);
  server.isShed = () => true;
  leaver.chat.close();
  await time.pass(SECOND);
  server.isShed = () => false;
  return room;
}

const asText = ({ joined, left, count }) => [
  ...joined.map(({ name }) => `+${name}`),
  ...left.map(({ name }) => `-${name}`),
  count,
].join(" ");

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  server.sendsPresence = true;
  updates = [];
});

describe("who is here", () => {
  it("is requested only when somebody wants to know", async () => {
    const { room } = await client("ada").join("general");
    await time.pass(MINUTE);
    assert.deepEqual([requested(), room.members, room.count], [0, null, null]);
    const presence = room.presence();
    await time.pass(10);
    const { members, count, approximate } = await presence;
    assert.deepEqual([namesOf(members), count, approximate], [["ADA"], 1, false]);
    assert.deepEqual([room.members, room.count], [members, 1]);
    await room.presence();
    assert.equal(requested(), 1);
  });

  it("is dispatched to a listener at once, and whenever it changes", async () => {
    await client("bob").join("general");
    const { room } = await watcher("ada");
    await client("eve").join("general");
    assert.deepEqual(updates, ["2", "+EVE 3"]);
    assert.deepEqual(namesOf(room.members), ["ADA", "BOB", "EVE"]);
    assert.equal(requested(), 1);
  });

  it("may be requested before the room is joined", async () => {
    const { chat } = client("ada");
    chat.join("general");
    chat.joined[0].addEventListener("presence", ({ detail }) => updates.push(asText(detail)));
    await time.pass(50);
    assert.deepEqual([updates, requested()], [["1"], 1]);
  });

  it("has each person once, however many tabs they have", async () => {
    await watcher("ada");
    const tabs = [client("bob"), client("bob"), client("bob")];
    for (const tab of tabs) await tab.join("general");
    for (const { chat } of tabs.slice(1)) chat.close();
    await time.pass(10 * SECOND);
    assert.deepEqual(updates, ["1", "+BOB 2"]);
    tabs[0].chat.close();
    await time.pass(10 * SECOND);
    assert.deepEqual(updates.slice(2), ["-BOB 1"]);
  });

  it("keeps a person for five seconds after they leave, because a reload leaves and joins", async () => {
    const { room } = await watcher("ada");
    const bob = client("bob");
    await bob.join("general");
    bob.chat.close();
    await time.pass(4 * SECOND);
    await client("bob").join("general");
    await time.pass(MINUTE);
    assert.deepEqual(updates, ["1", "+BOB 2"]);
    for (const socket of server.open) if (socket.user === "bob") socket.cut();
    server.handshake = () => "reject";
    await time.pass(4.9 * SECOND);
    assert.equal(room.count, 2);
    await time.pass(SECOND);
    assert.deepEqual([room.count, updates.at(-1), requested()], [1, "-BOB 1", 1]);
  });

  it("has a person's new name", async () => {
    const { room } = await watcher("ada");
    const bob = client("bob");
    await bob.join("general");
    bob.chat.rename("Robert");
    await time.pass(10 * SECOND);
    assert.deepEqual(updates, ["1", "+BOB 2", "2"]);
    assert.deepEqual(namesOf(room.members), ["ADA", "Robert"]);
  });

  it("is requested again, soon but not at once, if the server's count differs", async () => {
    const { room } = await watcher("ada", { random: () => 0.9 });
    server.isShed = () => true;
    await client("bob").join("general");
    server.isShed = () => false;
    await client("eve").join("general");
    assert.deepEqual(updates, ["1", "+EVE 2"]);
    await time.pass(4.4 * SECOND);
    assert.equal(requested(), 1);
    await time.pass(SECOND);
    assert.deepEqual([updates.at(-1), namesOf(room.members), requested()], ["+BOB 3", ["ADA", "BOB", "EVE"], 2]);
  });

  it("is requested as soon in a busy room, each time that a frame was missed", async () => {
    const { room } = await watcher("ada", { random: () => 0.9 });
    for (let number = 1; number <= 12; number++) {
      server.isShed = () => number % 4 === 1;
      await client(`c${number}`).join("general", { wait: 2 * SECOND });
    }
    await time.pass(2 * SECOND);
    assert.deepEqual([room.count, requested()], [13, 4]);
  });

  it("is requested ever less often if the server's count stays wrong", async () => {
    const { room } = await watcher("ada");
    const reply = server.presence.reply.bind(server.presence);
    server.presence.reply = (...request) => ({ ...reply(...request), count: 7 });
    server.presence.count = () => ({ count: 7 });
    server.socket.push({ type: "presence", room: "general", joined: [], left: [], count: 7 });
    await time.pass(10 * MINUTE);
    assert.ok(requested() < 30, `${requested()} requests in ten minutes`);
    assert.equal(room.count, 1);
  });

  it("misses nobody who joined or left while the reply was on its way", async () => {
    const bob = client("bob");
    await bob.join("general");
    server.delayOut = ({ members }) => (members ? 500 : 1);
    const { room } = await watcher("ada");
    bob.chat.close();
    await client("eve").join("general");
    await time.pass(SECOND);
    assert.deepEqual([updates, namesOf(room.members), requested()], [["2"], ["ADA", "EVE"], 1]);
  });

  it("comes in several pages if needed", async () => {
    server.presence.pageSize = 2;
    for (const user of ["bob", "cy", "dan", "eve"]) await client(user).join("general");
    const { room } = await watcher("ada");
    await time.pass(SECOND);
    assert.deepEqual(namesOf(room.members), ["ADA", "BOB", "CY", "DAN", "EVE"]);
    assert.deepEqual(server.requests("presence").map(({ after }) => after), [undefined, "bob", "dan"]);
  });

  it("is right within a heartbeat if the last presence frame of a room is lost", async () => {
    const room = await missesWhoLeaves("ada", "bob");
    await time.pass(2.5 * MINUTE);
    assert.deepEqual([namesOf(room.members), requested()], [["ADA"], 2]);
    await time.pass(60 * MINUTE);
    assert.equal(requested(), 2, "a list that is right is not requested again");
  });

  it("is right within a heartbeat also in a room whose messages never pause", async () => {
    const room = await missesWhoLeaves("ada", "bob");
    for (let passed = 0; passed < 2.5 * MINUTE; passed += 10 * SECOND) {
      server.say("general", "Hi");
      await time.pass(10 * SECOND);
    }
    assert.deepEqual(namesOf(room.members), ["ADA"]);
  });
});

describe("after a lost connection", () => {
  it("the list is replaced", async () => {
    const bob = client("bob");
    await bob.join("general");
    const { room } = await watcher("ada");
    server.handshake = ({ user }) => (user === "ada" ? "reject" : "open");
    server.socket.cut();
    bob.chat.close();
    await client("eve").join("general");
    await time.pass(SECOND);
    assert.deepEqual(namesOf(room.members), ["ADA", "BOB"]);
    server.handshake = () => "open";
    await time.pass(40 * SECOND);
    assert.deepEqual([updates, namesOf(room.members)], [["2", "+EVE 3", "-BOB 2"], ["ADA", "EVE"]]);
  });

  it("a request that was under way is sent again", async () => {
    const { room } = await client("ada").join("general");
    server.isLost = (way, { action }) => action === "presence";
    const presence = room.presence();
    await time.pass(10);
    server.isLost = () => false;
    server.socket.cut();
    await time.pass(SECOND);
    assert.equal((await presence).count, 1);
  });

  it("pages of two connections are not mixed", async () => {
    server.presence.pageSize = 1;
    const bob = client("bob");
    await bob.join("general");
    const ada = client("ada");
    const { room } = await ada.join("general");
    server.delayOut = ({ members }) => (members ? 200 : 1);
    const presence = room.presence();
    await time.pass(300); // between the pages
    bob.chat.close();
    server.socket.cut();
    await time.pass(5 * SECOND);
    assert.deepEqual(namesOf((await presence).members), ["ADA"]);
  });

  it("frames of the old socket are ignored after a hand-over", async () => {
    const { room } = await watcher("ada", { lifetime: MINUTE });
    const [old] = server.sockets;
    server.delayIn = ({ action }) => (action === "history" ? 3 * SECOND : 1);
    await time.pass(MINUTE - 200);
    room.history({ before: 7 }); // keeps the old socket open
    await time.pass(SECOND);
    old.push({ type: "presence", room: "general", joined: [{ user: "x", name: "X" }], left: [], count: 1 });
    await time.pass(10);
    assert.deepEqual([server.open.length, namesOf(room.members)], [2, ["ADA"]]);
  });
});

describe("a presence request", () => {
  it("rejects with the server's error", async () => {
    const { room } = await client("ada").join("general");
    server.error = ({ action }) => action === "presence" && { code: "forbidden" };
    const rejected = assert.rejects(room.presence(), { code: "forbidden" });
    await time.pass(10);
    await rejected;
    server.error = () => null;
    const presence = room.presence();
    await time.pass(10);
    assert.equal((await presence).count, 1);
  });

  it("is retried after the pause that the server wants", async () => {
    const { room } = await client("ada").join("general");
    let times = 0;
    server.error = ({ action }) => action === "presence" && times++ < 1 && { code: "rate_limited", retry_after: 3 };
    const presence = room.presence();
    await time.pass(2.9 * SECOND);
    assert.equal(times, 1);
    await time.pass(2 * SECOND);
    assert.equal((await presence).count, 1);
  });

  it("rejects if the room is left first", async () => {
    const { room } = await client("ada").join("general");
    server.isLost = (way, { action }) => action === "presence";
    const rejected = assert.rejects(room.presence(), { code: "left" });
    await time.pass(10);
    room.leave();
    await rejected;
    await assert.rejects(room.presence(), { code: "left" });
  });
});

it("presence leaves no timer behind", async () => {
  const { chat } = await watcher("ada");
  const bob = client("bob");
  await bob.join("general");
  bob.chat.close();
  await time.pass(SECOND); // Bob is still listed
  chat.close();
  await time.pass(SECOND);
  assert.equal(time.waiting, 0);
});
