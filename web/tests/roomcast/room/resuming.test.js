import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
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

  it("brings fifty thousand missed messages, and reads them back for one who has only the newest", async () => {
    const record = await ada.join("general");
    server.socket.cut();
    for (let number = 1; number <= 50_000; number++) server.store("general", `m${number}`);
    while (record.seqs.at(-1) !== 50_000) await time.pass(SECOND);
    assert.deepEqual(record.seqs, numbers(1, 50_000));
    assert.deepEqual(record.lost, []);
    const { room, seqs } = await new Client(server, { client: "grace" }).join("general", { history: 100 });
    const pages = [seqs];
    for (let more = true; more; ) {
      const reading = room.history({ limit: 200 });
      await time.pass(10);
      const page = await reading;
      pages.unshift(page.messages.map(({ seq }) => seq));
      more = page.more;
    }
    assert.deepEqual(pages.flat(), numbers(1, 50_000));
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

describe("another log of the same room", () => {
  const sayNew = (count, first = 1) => {
    for (let number = first; number < first + count; number++) server.say("general", `n${number}`);
  };

  it("is read from its beginning, also if it has overtaken the old one", async () => {
    say(3);
    const record = await ada.join("general");
    server.restart();
    sayNew(5);
    await time.pass(SECOND);
    assert.deepEqual(record.events.slice(4), ["joining", "joined", "reset", "n1", "n2", "n3", "n4", "n5"]);
    sayNew(1, 6);
    await time.pass(SECOND);
    assert.deepEqual([record.texts.slice(8), record.lost], [["n6"], []]);
  });

  it("is found in a room that has no messages any more", async () => {
    say(3);
    const record = await ada.join("general");
    server.restart();
    await time.pass(SECOND);
    assert.deepEqual(record.events.slice(4), ["joining", "joined", "reset"]);
    sayNew(4);
    await time.pass(SECOND);
    assert.deepEqual(record.texts.slice(3), ["n1", "n2", "n3", "n4"]);
  });

  it("is found by its broadcasts, without a new connection", async () => {
    say(3);
    const record = await ada.join("general");
    server.forget();
    sayNew(5);
    await time.pass(SECOND);
    assert.deepEqual(record.events.slice(4), ["joining", "joined", "reset", "n1", "n2", "n3", "n4", "n5"]);
    assert.deepEqual([server.sockets.length, server.requests("join").length], [1, 2]);
  });

  it("is found by the ping if no broadcast comes", async () => {
    say(3);
    const record = await ada.join("general");
    server.forget();
    server.store("general", "n1");
    await time.pass(151 * SECOND);
    assert.deepEqual(record.events.slice(4), ["joining", "joined", "reset", "n1"]);
  });

  it("is never mixed into the old one by a page", async () => {
    say(60);
    const record = await ada.join("general", { history: 5 });
    server.forget();
    server.isShed = () => true;
    sayNew(60);
    const earlier = await Promise.all([record.room.history(), time.pass(SECOND)]);
    assert.deepEqual(earlier[0], { messages: [], more: false, before: 56, after: 55 });
    assert.deepEqual(record.events.slice(6), ["joining", "joined", "reset", "n56", "n57", "n58", "n59", "n60"]);
  });

  it("is not what an empty room's first message begins", async () => {
    const record = await ada.join("general");
    say(1);
    await time.pass(SECOND);
    server.socket.cut();
    say(1, 2);
    await time.pass(121 * SECOND);
    assert.deepEqual(record.events, ["joined", "m1", "joining", "joined", "m2"]);
    const { epoch } = server.log("general");
    assert.deepEqual(server.requests("join").map(({ after, epoch }) => [after, epoch]), [[undefined, undefined], [1, epoch]]);
  });

  it("is read from its beginning if the old one was only sent to", async () => {
    const record = await ada.join("general");
    server.streamLag = () => 10 * SECOND;
    const sent = record.room.send("of the old log");
    await time.pass(100);
    assert.equal((await sent).seq, 1);
    server.restart();
    sayNew(3);
    await time.pass(SECOND);
    assert.deepEqual(record.texts, ["n1", "n2", "n3"]);
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
