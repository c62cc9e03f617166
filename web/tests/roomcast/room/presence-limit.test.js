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

describe("a room above the presence limit", () => {
  beforeEach(() => {
    server.presence.limit = 3;
  });

  it("has a count, which is requested about once a minute", async () => {
    for (const user of ["bob", "cy", "dan"]) await client(user).join("general");
    const { room } = await watcher("ada");
    assert.deepEqual([updates, room.members, room.count], [["4"], null, 4]);
    assert.equal((await room.presence()).approximate, true);
    await client("eve").join("general");
    await time.pass(59 * SECOND);
    assert.deepEqual([room.count, requested()], [4, 1]);
    await time.pass(31 * SECOND);
    assert.deepEqual([updates, room.count, requested()], [["4", "5"], 5, 2]);
  });

  it("is requested the less often the larger it is", async () => {
    server.presence.limit = 0;
    server.presence.count = () => ({ count: 20_000, approximate: true });
    await watcher("ada");
    await time.pass(60 * MINUTE);
    assert.ok(requested() <= 4, `${requested()} requests in an hour`);
  });

  it("has a list again when enough members have left", async () => {
    const others = ["bob", "cy", "dan"].map((user) => client(user));
    for (const other of others) await other.join("general");
    const { room } = await watcher("ada");
    await time.pass(61 * SECOND); // the server sends no presence frames for a minute
    for (const { chat } of others.slice(1)) chat.close();
    await time.pass(10 * SECOND);
    assert.deepEqual([namesOf(room.members), updates, requested()], [["ADA", "BOB"], ["4", "2"], 2]);
  });

  it("has no list as soon as it has grown above the limit", async () => {
    const { room } = await watcher("ada");
    for (const user of ["bob", "cy", "dan"]) await client(user).join("general");
    assert.deepEqual([room.members, room.count, updates.at(-1)], [null, 4, "4"]);
    assert.equal(requested(), 1);
  });

  it("is right soon after it has shrunk, although the server sends no presence frames for a minute", async () => {
    const { room } = await watcher("ada");
    const others = ["bob", "cy", "dan"].map((user) => client(user));
    for (const other of others) await other.join("general");
    others[0].chat.close();
    assert.equal((await room.presence()).count, 4);
    server.sockets[0].push({ type: "presence", room: "general", joined: [], left: [], count: 3 });
    await time.pass(10 * SECOND);
    assert.deepEqual(namesOf(room.members), ["ADA", "CY", "DAN"]);
    others[1].chat.close(); // within the minute: no frame tells it
    await time.pass(2 * MINUTE);
    assert.deepEqual(namesOf(room.members), ["ADA", "DAN"]);
  });
});
