// A bit over 300 lines: the ways of a message to the server, of which each test is one.
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Client, RoomRecord } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeStorage } from "../../support/storage.js";
import { FakeTime } from "../../support/time.js";

const SECOND = 1_000;
const HOUR = 3600 * SECOND;

let time, server, storage;
const client = (options) => new Client(server, { storage, ...options });
const stored = () => server.log("general").messages.map(({ message }) => message);

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  storage = new FakeStorage();
});

describe("sending", () => {
  it("resolves with the seq of the message, and dispatches `sent`", async () => {
    const record = await client().join("general");
    server.store("general", "before");
    const sent = record.room.send("Hi", { data: { mood: "good" }, ref: "ref-1" });
    assert.deepEqual(record.room.pending, [{ id: "ref-1", message: "Hi", data: { mood: "good" } }]);
    const before = new Date(time.now()).toISOString();
    await time.pass(SECOND);
    const { at, ...ack } = await sent;
    assert.deepEqual(ack, { seq: 2, id: "ref-1" });
    assert.ok(at >= before);
    assert.deepEqual(record.room.pending, []);
    await time.pass(SECOND);
    assert.deepEqual(record.events, ["joined", "sent 2", "before", "Hi"]);
    assert.deepEqual(record.messages[1].data, { mood: "good" });
  });

  it("keeps the order by waiting for each reply", async () => {
    const { room } = await client().join("general");
    let delay = 500;
    server.delayIn = () => (delay -= 100);
    for (const text of ["one", "two", "three"]) room.send(text);
    await time.pass(10 * SECOND);
    assert.deepEqual(stored(), ["one", "two", "three"]);
  });

  it("may use the same ref in two rooms", async () => {
    const ada = client();
    const [general, random] = [await ada.join("general"), await ada.join("random")];
    server.store("random", "before");
    const sent = [general, random].map(({ room }) => room.send("to both", { ref: "ref-1" }));
    await time.pass(SECOND);
    assert.deepEqual((await Promise.all(sent)).map(({ seq }) => seq), [1, 2]);
    assert.equal(server.sockets.length, 1);
  });

  it("does not have one room wait for another", async () => {
    const ada = client();
    const [general, random] = [await ada.join("general"), await ada.join("random")];
    server.isLost = (way, { room }) => room === "general";
    general.room.send("lost");
    const sent = random.room.send("Hi");
    await time.pass(100);
    await sent;
  });

  it("sends what was written while offline, once there is a connection", async () => {
    const { room } = await client().join("general");
    server.handshake = () => "reject";
    server.socket.cut();
    const sent = Promise.all([room.send("one"), room.send("two")]);
    await time.pass(HOUR);
    assert.deepEqual(stored(), []);
    server.handshake = () => "open";
    await time.pass(60 * SECOND);
    await sent;
    assert.deepEqual(stored(), ["one", "two"]);
  });

  it("sends again with the same ref until a reply comes, and is stored once", async () => {
    const record = await client().join("general");
    server.isLost = (way, { id }) => way === "out" && id !== undefined; // the replies to sends
    server.isShed = () => true;
    const sent = record.room.send("Hi", { ref: "ref-1" });
    await time.pass(11 * SECOND);
    server.isLost = () => false;
    await time.pass(11 * SECOND);
    assert.equal((await sent).seq, 1);
    assert.deepEqual(record.texts, ["Hi"]);
    assert.ok(server.sockets.length > 1);
  });

  it("takes the room's copy for a reply when the reply was lost", async () => {
    const ada = client();
    const { room } = await ada.join("general");
    server.isLost = (way, { id }) => way === "out" && id !== undefined;
    const sent = room.send("Hi");
    await time.pass(100);
    assert.equal((await sent).seq, 1);
    await time.pass(60 * SECOND);
    assert.deepEqual(ada.states, ["connecting", "open"]);
  });

  it("takes the copy in a page of history for a reply, too", async () => {
    const { room } = await client().join("general");
    server.isLost = (way, { type, id }) => way === "out" && (id !== undefined || type === "messages");
    const sent = room.send("Hi");
    await time.pass(100);
    server.socket.cut();
    await time.pass(SECOND);
    assert.equal((await sent).seq, 1);
    assert.equal(server.requests("send").length, 1);
  });

  it("goes on with the next message after an error", async () => {
    const record = await client().join("general");
    server.error = ({ message }) => message === "bad" && { code: "invalid_message" };
    const rejected = assert.rejects(record.room.send("bad"), { code: "invalid_message", message: "no" });
    const sent = record.room.send("good");
    await time.pass(SECOND);
    await Promise.all([rejected, sent]);
    assert.deepEqual(record.events, ["joined", "failed: invalid_message", "sent 1", "good"]);
  });

  it("allows to listen to events instead of promises", async () => {
    const record = await client().join("general");
    server.error = ({ action }) => action === "send" && { code: "forbidden" };
    record.room.send("Hi"); // no code handles its rejection
    await time.pass(SECOND);
    assert.deepEqual(record.events, ["joined", "failed: forbidden"]);
  });

  it("waits as long as the server says when it is too fast", async () => {
    const { room } = await client().join("general");
    let errors = 1;
    server.error = ({ action }) => action === "send" && errors-- > 0 && { code: "rate_limited", retry_after: 3 };
    const sent = [room.send("one"), room.send("two")];
    await time.pass(2.9 * SECOND);
    assert.equal(server.requests("send").length, 1);
    await time.pass(SECOND);
    await Promise.all(sent);
    assert.deepEqual(stored(), ["one", "two"]);
  });

  it("retries after an internal error", async () => {
    const { room } = await client().join("general");
    let failures = 3;
    server.error = ({ action }) => action === "send" && failures-- > 0 && { code: "internal" };
    const sent = room.send("Hi");
    await time.pass(5 * SECOND);
    await sent;
  });

  it("sends again soon, on the same socket, when API Gateway reports an error", async () => {
    const ada = client();
    const { room } = await ada.join("general");
    let deaths = 2;
    server.dies = (step) => step === "head" && deaths-- > 0;
    server.streamLag = () => 60 * SECOND; // The fan-out does not repair it in time.
    const sent = room.send("Hi");
    await time.pass(2 * SECOND);
    await sent;
    assert.deepEqual([server.requests("send").length, server.sockets.length], [3, 1]);
  });

  it("joins and sends again if the server has lost the membership", async () => {
    const record = await client().join("general");
    server.socket.rooms.clear();
    const sent = record.room.send("Hi");
    await time.pass(SECOND);
    await sent;
    assert.deepEqual(record.events, ["joined", "joining", "joined", "sent 1", "Hi"]);
    assert.equal(server.sockets.length, 1);
  });

  it("fails with all that waits when the room may not be joined any more", async () => {
    const ada = client();
    const record = await ada.join("general");
    server.error = ({ action }) => action === "join" && { code: "forbidden" };
    server.socket.rooms.clear();
    const rejected = ["one", "two"].map((text) => assert.rejects(record.room.send(text), { code: "forbidden" }));
    await time.pass(SECOND);
    await Promise.all(rejected);
    assert.deepEqual(record.events.slice(1), ["joining", "failed: forbidden", "failed: forbidden", "left: forbidden"]);
    assert.deepEqual([ada.chat.joined, storage.items.size], [[], 0]);
    await assert.rejects(record.room.send("three"), { code: "forbidden" });
  });

  it("fails at once if the server could not even reply", async () => {
    const { room, events } = await client().join("general");
    await assert.rejects(room.send("x".repeat(33_000)), { code: "message_too_large" });
    for (const ref of ["", "r".repeat(129), "line\nfeed"]) {
      await assert.rejects(room.send("Hi", { ref }), { code: "invalid_ref" });
    }
    assert.deepEqual(events.slice(1, 3), ["failed: message_too_large", "failed: invalid_ref"]);
    const circle = {};
    circle.circle = circle;
    await assert.rejects(room.send("Hi", { data: circle }), { code: "invalid_message" });
    assert.deepEqual([room.pending, server.requests("send")], [[], []]);
  });

  it("takes an error without a ref for the reply to the only request", async () => {
    const { room } = await client().join("general");
    server.error = ({ action }) => action === "send" && { code: "invalid_frame", ref: null };
    const rejected = assert.rejects(room.send("Hi"), { code: "invalid_frame" });
    await time.pass(100);
    await rejected;
  });

  it("ends with the room", async () => {
    const { room } = await client().join("general");
    server.isLost = (way, { action }) => action === "send";
    const rejected = ["one", "two"].map((text) => assert.rejects(room.send(text), { code: "left" }));
    const left = room.leave();
    await time.pass(100);
    await Promise.all([...rejected, left]);
    await assert.rejects(room.send("three"), { code: "left" });
    assert.equal(server.socket.rooms.size, 0);
    assert.equal(storage.items.size, 0);
  });

  it("leaves a room only after the join that is under way", async () => {
    const ada = client();
    const record = await ada.join("general");
    server.socket.rooms.clear();
    record.room.send("Hi"); // makes it join again
    server.delayIn = ({ action }) => (action === "join" ? 500 : 1);
    await time.pass(100);
    const left = record.room.leave();
    await time.pass(SECOND);
    await left;
    assert.equal(server.socket.rooms.size, 0);
  });
});

describe("sending in a room that could not be joined", () => {
  it("fails with the error of the join, and dispatches it", async () => {
    server.error = ({ action }) => action === "join" && { code: "forbidden" };
    const { chat } = client();
    const rejected = [assert.rejects(chat.join("general"), { code: "forbidden" })];
    const record = new RoomRecord(chat.joined[0]);
    rejected.push(assert.rejects(record.room.send("Hi"), { code: "forbidden" }));
    await time.pass(100);
    await Promise.all(rejected);
    assert.deepEqual(record.events, ["failed: forbidden", "left: forbidden"]);
    assert.deepEqual([record.room.pending, storage.items.size], [[], 0]);
    await assert.rejects(record.room.send("Hi"), { code: "forbidden" });
  });
});

describe("a message that has to wait", () => {
  let record, delayed;
  const setSlowMode = (seconds) => server.moderation.perform({ action: "slow_mode", room: "general", seconds }, "Mod");

  beforeEach(async () => {
    record = await client().join("general");
    delayed = [];
    record.room.addEventListener("delayed", ({ detail }) => delayed.push(detail));
  });

  it("is reported as delayed, and sent again by itself", async () => {
    let times = 0;
    server.error = ({ action }) => action === "send" && times++ < 1 && { code: "rate_limited", retry_after: 30 };
    record.room.send("Hi", { ref: "r1" });
    await time.pass(29 * SECOND);
    assert.deepEqual(delayed, [{ id: "r1", code: "rate_limited", detail: "no", retryAfter: 30 }]);
    assert.deepEqual(stored(), []);
    await time.pass(2 * SECOND);
    assert.deepEqual([stored(), delayed.length], [["Hi"], 1]);
  });

  it("can be deleted before it is sent, because the server has rejected it", async () => {
    server.error = ({ action }) => action === "send" && { code: "rate_limited", retry_after: 30 };
    record.room.send("Hi", { ref: "r1" });
    await time.pass(SECOND);
    assert.deepEqual(record.room.pending, [{ id: "r1", message: "Hi" }]);
    server.error = () => null;
    assert.equal(await record.room.delete("r1"), null);
    await time.pass(40 * SECOND);
    assert.deepEqual([stored(), record.room.pending, record.room.pendingChanges], [[], [], []]);
  });

  it("stays one that the server may have, if an earlier attempt was lost", async () => {
    server.delayIn = ({ action }) => (action === "send" ? Infinity : 1);
    record.room.send("Hi", { ref: "r1" });
    await time.pass(SECOND);
    for (const socket of server.open) socket.cut();
    server.delayIn = () => 1;
    server.error = ({ action }) => action === "send" && { code: "rate_limited", retry_after: 30 };
    await time.pass(20 * SECOND);
    assert.deepEqual([delayed.length > 0, record.room.pending], [true, [{ id: "r1", message: "Hi", tried: true }]]);
  });

  it("waits no longer when slow mode ends", async () => {
    server.error = ({ action }) => action === "send" && { code: "rate_limited", retry_after: 3600 };
    record.room.send("Hi");
    await time.pass(SECOND);
    server.error = () => null;
    setSlowMode(0);
    await time.pass(SECOND);
    assert.deepEqual(stored(), ["Hi"]);
  });

  it("does not retry all the time if it has to wait for longer than a timer can", async () => {
    const yearly = { code: "rate_limited", retry_after: 366 * 24 * 3600 };
    const { setTimeout } = time;
    time.setTimeout = (action, delay) => setTimeout(action, delay > 2 ** 31 - 1 ? 1 : delay); // as real ones do
    server.error = ({ action }) => action === "send" && yearly;
    record.room.send("Hi");
    await time.pass(10 * SECOND);
    assert.equal(server.requests("send").length, 1);
  });

  it("is sent again after any error with `retry_after`", async () => {
    let times = 0;
    server.error = ({ action }) => action === "send" && times++ < 1 && { code: "full_moon", retry_after: 2 };
    record.room.send("Hi");
    await time.pass(4 * SECOND);
    assert.deepEqual(stored(), ["Hi"]);
  });
});
