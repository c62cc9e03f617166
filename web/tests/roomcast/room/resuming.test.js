import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server.js";
import { FakeTime } from "../../support/time.js";

const SECOND = 1_000;

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

describe("reconnecting", () => {
  it("brings the missed messages, in several pages if needed", async () => {
    say(10);
    const record = await ada.join("general");
    server.socket.cut();
    say(700, 11);
    await time.pass(SECOND);
    assert.deepEqual(record.seqs, numbers(1, 710));
    assert.deepEqual(record.lost, []);
  });

  it("resumes after the last contiguous message, not after the newest", async () => {
    const record = await ada.join("general");
    server.store("general", "m1");
    say(1, 2);
    await time.pass(100);
    server.socket.cut();
    await time.pass(500);
    assert.equal(server.requests("join").at(-1).after, 0);
    assert.deepEqual(record.texts, ["m1", "m2"]);
  });

  it("goes on with a history that was interrupted", async () => {
    say(300);
    server.delayOut = ({ more }) => (more === undefined ? 1 : 500);
    const joining = ada.startJoin("general", { history: 300 });
    await time.pass(700); // between the pages
    server.socket.cut();
    say(1, 301);
    await time.pass(5 * SECOND);
    assert.deepEqual((await joining).seqs, numbers(1, 301));
  });

  it("begins again if the room's log was reset", async () => {
    say(8);
    const record = await ada.join("general");
    server.restart();
    say(2, 1);
    await time.pass(SECOND);
    assert.deepEqual(record.events.slice(8), ["m8", "joining", "joined", "reset", "m1", "m2"]);
    say(1, 3);
    await time.pass(SECOND);
    assert.deepEqual(record.texts.slice(8), ["m1", "m2", "m3"]);
  });

  it("recognizes a new log by its head, whatever was shown", async () => {
    say(2);
    const record = await ada.join("general");
    server.reserve("general"); // a gap
    say(5, 4);
    await time.pass(500);
    server.restart();
    say(4, 1);
    await time.pass(SECOND);
    assert.deepEqual(record.events.slice(3), ["joining", "joined", "reset", "m1", "m2", "m3", "m4"]);
  });

  it("misses no message of a new log that comes before the reply to the join", async () => {
    say(8);
    const record = await ada.join("general");
    server.restart();
    say(2, 1);
    server.delayOut = ({ type }) => (type === "reply" ? 50 : 1);
    while (server.requests("join").length < 2) await time.pass(1);
    say(1, 3); // overtakes the reply
    await time.pass(800);
    assert.deepEqual(record.texts.slice(8), ["m1", "m2", "m3"]);
  });

  it("does not mix messages of the old log into the new one", async () => {
    say(8);
    const record = await ada.join("general");
    server.socket.cut();
    server.delayIn = ({ action }) => (action === "join" ? 100 : 1);
    while (server.sockets.length < 2 || server.open.length < 1) await time.pass(1);
    server.say("general", "of the old log"); // before the reply to the join
    await time.pass(10);
    server.restart();
    say(3, 1);
    await time.pass(SECOND);
    say(7, 4);
    await time.pass(SECOND);
    assert.deepEqual(record.texts.slice(8), ["m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9", "m10"]);
    assert.equal(server.requests("history").length, 2);
  });

  it("does not mistake frames out of order for a new log", async () => {
    say(3);
    const record = await ada.join("general");
    server.socket.cut();
    server.delayOut = ({ type }) => (type === "reply" ? 50 : 1);
    while (server.requests("join").length < 2) await time.pass(1);
    say(2, 4); // overtakes the reply, whose head is 3
    await time.pass(SECOND);
    assert.deepEqual(record.texts, ["m1", "m2", "m3", "m4", "m5"]);
    assert.ok(!record.events.includes("reset"));
  });
});

it("ignores frames that it does not understand", async () => {
  const record = await ada.join("general");
  const message = { seq: 1, id: "a", user: "u", name: "n", message: "Hi", at: "" };
  const nonsense = [
    "", "not JSON", "null", "[]", "7", '"reply"', { type: "presence", room: "general" }, { type: "reply" },
    { type: "reply", ref: "unknown", status: "ok", seq: 9 }, { type: "messages", room: "general" },
    { type: "messages", room: "general", messages: [null, 7, {}, { ...message, seq: "1" }, { ...message, name: 7 }] },
    { type: "messages", room: "general", messages: [{ ...message, seq: -1 }], skipped: ["2", null, 1.5, -3] },
    { type: "messages", room: "another", messages: [message] }, { type: 7 }, { type: "messages", messages: {} },
  ];
  for (const frame of nonsense) server.socket.push(frame);
  await time.pass(SECOND);
  assert.deepEqual([ada.chat.state, record.events], ["open", ["joined"]]);
  say(1);
  await time.pass(SECOND);
  assert.deepEqual(record.texts, ["m1"]);
});
