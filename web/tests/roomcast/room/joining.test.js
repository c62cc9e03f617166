import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeTime } from "../../support/time.js";

const SECOND = 1_000;
const HOUR = 3600 * SECOND;

let time, server, ada;

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  ada = new Client(server);
});

const say = (count, first = 1) => {
  for (let number = first; number < first + count; number++) server.say("general", `m${number}`);
};
const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe("joining a room", () => {
  it("begins with the newest messages", async () => {
    say(60);
    assert.deepEqual((await ada.join("general")).seqs, numbers(11, 60));
  });

  it("begins with as many messages as requested, in several pages if needed", async () => {
    say(450);
    const { seqs } = await ada.join("general", { history: 420 });
    assert.deepEqual(seqs, numbers(31, 450));
    assert.equal(server.requests("history").length, 3);
  });

  it("begins with no messages if none are requested", async () => {
    say(3);
    const record = await ada.join("general", { history: 0 });
    say(1, 4);
    await time.pass(SECOND);
    assert.deepEqual(record.texts, ["m4"]);
    assert.equal(server.requests("history").length, 0);
  });

  it("finds the same room however the accents of its name are written", async () => {
    const record = await ada.join("cafe\u0301");
    server.say("caf\u00e9", "m1");
    await time.pass(SECOND);
    assert.deepEqual(record.texts, ["m1"]);
    assert.deepEqual(server.requests("join").map(({ room }) => room), ["caf\u00e9"]);
    assert.equal((await ada.chat.join("caf\u00e9")).name, "caf\u00e9");
    assert.equal(ada.chat.joined.length, 1);
  });

  it("works in an empty room", async () => {
    const record = await ada.join("general");
    say(1);
    await time.pass(SECOND);
    assert.deepEqual(record.texts, ["m1"]);
  });

  it("dispatches every event to a listener that is added right after", async () => {
    say(2);
    server.delayOut = () => 0;
    const record = ada.startJoin("general");
    await time.pass(0);
    say(1, 3); // comes with the reply
    await time.pass(50);
    assert.deepEqual((await record).events, ["joined", "m1", "m2", "m3"]);
  });

  it("dispatches the events that a listener causes after the earlier ones", async () => {
    const joining = ada.startJoin("general", { history: 0 });
    joining.then(({ room }) => room.addEventListener("message", () => room.leave(), { once: true }));
    while (server.requests("join").length === 0) await time.pass(1);
    say(2); // right after the reply
    await time.pass(50);
    assert.deepEqual((await joining).events, ["joined", "m1", "m2", "left: left"]);
  });

  it("misses no message that comes while the history is on its way", async () => {
    say(3);
    server.delayOut = ({ more }) => (more === undefined ? 1 : 500);
    const joining = ada.startJoin("general");
    await time.pass(100);
    say(2, 4);
    await time.pass(SECOND);
    assert.deepEqual((await joining).seqs, [1, 2, 3, 4, 5]);
  });

  it("returns the same Room until it is left", async () => {
    const { room } = await ada.join("general");
    assert.equal(await ada.chat.join("general"), room);
    assert.deepEqual(ada.chat.joined, [room]);
    await room.leave();
    const leaving = room.leave();
    assert.deepEqual(ada.chat.joined, []);
    const again = ada.chat.join("general");
    await time.pass(50);
    await leaving;
    assert.notEqual(await again, room);
    assert.deepEqual(server.received.map(({ action }) => action), ["join", "leave", "join"]);
  });

  it("is left when each owner has left it", async () => {
    const owners = await Promise.all([1, 2, 3].map(() => ada.join("general")));
    for (const [index, { room }] of owners.entries()) {
      assert.equal(room.state, "joined");
      await Promise.race([room.leave(), time.pass(50)]);
      assert.equal(server.requests("leave").length, index === 2 ? 1 : 0);
    }
    assert.equal(owners[0].room.state, "left");
  });

  it("ends joined after a join, a leave and a join in one tick, as React's StrictMode does", async () => {
    const first = ada.chat.join("general");
    first.then((room) => room.leave());
    const second = ada.startJoin("general");
    await time.pass(SECOND);
    const record = await second;
    say(1);
    await time.pass(SECOND);
    assert.deepEqual([record.room.state, record.texts, ada.chat.joined], ["joined", ["m1"], [record.room]]);
  });

  it("ends joined though the leave comes before the first join has its reply", async () => {
    const first = assert.rejects(ada.chat.join("general"), { code: "left" });
    ada.chat.joined[0].leave();
    const second = ada.startJoin("general");
    await time.pass(SECOND);
    const record = await second;
    await first;
    say(1);
    await time.pass(SECOND);
    assert.deepEqual([record.room.state, record.texts], ["joined", ["m1"]]);
  });

  it("rejects with the server's error, and can be tried again", async () => {
    server.error = ({ action }) => action === "join" && { code: "forbidden" };
    const error = { name: "RoomcastError", code: "forbidden", message: "no" };
    const rejected = assert.rejects(ada.chat.join("general"), error);
    await time.pass(50);
    await rejected;
    assert.deepEqual(ada.chat.joined, []);
    server.error = () => null;
    await ada.join("general");
  });

  it("is retried after a temporary error", async () => {
    let times = 0;
    server.error = ({ action }) => action === "join" && times++ < 3 && { code: "rate_limited", retry_after: 2 };
    const joining = ada.chat.join("general");
    await time.pass(1900);
    assert.equal(times, 1);
    await time.pass(10 * SECOND);
    await joining;
  });

  it("shows new messages though the history is forbidden", async () => {
    say(3);
    server.error = ({ action }) => action === "history" && { code: "forbidden" };
    const record = await ada.join("general");
    say(1, 4);
    await time.pass(SECOND);
    assert.deepEqual(record.texts, ["m4"]);
  });

  it("shows a message that was being written at that moment", async () => {
    const seq = server.reserve("general");
    const record = await ada.join("general");
    server.write("general", seq, "the first");
    server.broadcast("general", seq);
    await time.pass(SECOND);
    assert.deepEqual(record.texts, ["the first"]);
  });

  it("does not wait long for an expired history, and reports nothing lost", async () => {
    say(60);
    server.log("general").rows.clear();
    const record = await ada.join("general");
    await time.pass(12 * SECOND);
    say(1, 61);
    await time.pass(2 * SECOND);
    assert.deepEqual(record.events, ["joined", "m61"]);
  });

  it("requests such a history ever less often, until somebody writes", async () => {
    say(60);
    server.log("general").rows.clear();
    const record = await ada.join("general");
    await time.pass(HOUR);
    const { length } = server.requests("history");
    assert.ok(length < 70, `${length} requests in an hour`);
    while (server.requests("history").length === length) await time.pass(SECOND);
    say(1, 61);
    await time.pass(3 * SECOND);
    assert.deepEqual(record.events, ["joined", "m61"]);
  });
});

describe("the event `ready`", () => {
  /** Join, and record messages by their text, and `ready`. */
  async function firstEvents(history) {
    const joining = ada.chat.join("general", { history });
    const events = [];
    await time.pass(0);
    joining.then((room) => {
      room.addEventListener("message", ({ detail }) => events.push(detail.message));
      room.addEventListener("ready", ({ detail: { more } }) => events.push(more ? "ready, more before" : "ready"));
    });
    await time.pass(50);
    return events;
  }

  it("comes before the first new message", async () => {
    say(3);
    const events = await firstEvents(2);
    say(1, 4);
    await time.pass(SECOND);
    assert.deepEqual(events, ["m2", "m3", "ready, more before", "m4"]);
  });

  it("says that there are no earlier messages", async () => {
    say(2);
    assert.deepEqual(await firstEvents(), ["m1", "m2", "ready"]);
  });

  it("comes alone if the room is empty, no history is requested, or it has expired or is forbidden", async () => {
    assert.deepEqual(await firstEvents(), ["ready"]);
    say(3);
    ada = new Client(server);
    assert.deepEqual(await firstEvents(0), ["ready, more before"]);
    ada = new Client(server);
    server.log("general").rows.clear();
    assert.deepEqual(await firstEvents(), ["ready"]);
    ada = new Client(server);
    server.error = ({ action }) => action === "history" && { code: "forbidden" };
    assert.deepEqual(await firstEvents(), ["ready"]);
  });

  it("comes once, and again when the room's log is reset", async () => {
    say(1);
    const events = await firstEvents();
    server.socket.cut();
    await time.pass(SECOND);
    assert.deepEqual(events, ["m1", "ready"]);
    server.restart();
    await time.pass(SECOND);
    assert.deepEqual(events.slice(2), ["ready"]);
  });
});
