import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { FakeStorage, Person, Visit } from "../support/client-fixture.js";
import { ScriptedServer } from "../support/server.js";
import { FakeTime } from "../support/time.js";

const SECOND = 1_000;
const HOUR = 3600 * SECOND;

let time, server, storage;
const person = (options) => new Person(server, { storage, ...options });
const stored = () => server.log("general").messages.map(({ message }) => message);

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  storage = new FakeStorage();
});

describe("sending", () => {
  it("resolves with the place that the room gave the message, and tells", async () => {
    const visit = await person().join("general");
    server.store("general", "before");
    const sent = visit.room.send("Hi", { data: { mood: "good" }, ref: "ref-1" });
    assert.deepEqual(visit.room.pending, [{ id: "ref-1", message: "Hi", data: { mood: "good" } }]);
    const before = new Date(time.now()).toISOString();
    await time.pass(SECOND);
    const { at, ...place } = await sent;
    assert.deepEqual(place, { seq: 2, id: "ref-1" });
    assert.ok(at >= before);
    assert.deepEqual(visit.room.pending, []);
    await time.pass(SECOND);
    assert.deepEqual(visit.events, ["joined", "sent 2", "before", "Hi"]);
    assert.deepEqual(visit.messages[1].data, { mood: "good" });
  });

  it("keeps the order by waiting for each answer", async () => {
    const { room } = await person().join("general");
    let waits = 500;
    server.wayIn = () => (waits -= 100);
    for (const text of ["one", "two", "three"]) room.send(text);
    await time.pass(10 * SECOND);
    assert.deepEqual(stored(), ["one", "two", "three"]);
  });

  it("may use the same ref in two rooms", async () => {
    const ada = person();
    const [general, random] = [await ada.join("general"), await ada.join("random")];
    server.store("random", "before");
    const sent = [general, random].map(({ room }) => room.send("to both", { ref: "ref-1" }));
    await time.pass(SECOND);
    assert.deepEqual((await Promise.all(sent)).map(({ seq }) => seq), [1, 2]);
    assert.equal(server.sockets.length, 1);
  });

  it("does not have one room wait for another", async () => {
    const ada = person();
    const [general, random] = [await ada.join("general"), await ada.join("random")];
    server.isLost = (way, { room }) => room === "general";
    general.room.send("lost");
    const sent = random.room.send("Hi");
    await time.pass(100);
    await sent;
  });

  it("sends what was written while there was no connection, once there is", async () => {
    const { room } = await person().join("general");
    server.handshake = () => "refuse";
    server.socket.cut();
    const sent = Promise.all([room.send("one"), room.send("two")]);
    await time.pass(HOUR);
    assert.deepEqual(stored(), []);
    server.handshake = () => "open";
    await time.pass(60 * SECOND);
    await sent;
    assert.deepEqual(stored(), ["one", "two"]);
  });

  it("sends again with the same ref until it is answered, and counts once", async () => {
    const visit = await person().join("general");
    server.isLost = (way, { id }) => way === "out" && id !== undefined; // the replies to sends
    server.isShed = () => true;
    const sent = visit.room.send("Hi", { ref: "ref-1" });
    await time.pass(11 * SECOND);
    server.isLost = () => false;
    await time.pass(11 * SECOND);
    assert.equal((await sent).seq, 1);
    assert.deepEqual(visit.texts, ["Hi"]);
    assert.ok(server.sockets.length > 1);
  });

  it("takes the room's own copy for an answer when the reply was lost", async () => {
    const ada = person();
    const { room } = await ada.join("general");
    server.isLost = (way, { id }) => way === "out" && id !== undefined;
    const sent = room.send("Hi");
    await time.pass(100);
    assert.equal((await sent).seq, 1);
    await time.pass(60 * SECOND);
    assert.deepEqual(ada.states, ["connecting", "open"]);
  });

  it("takes the copy in a page of history for an answer too", async () => {
    const { room } = await person().join("general");
    server.isLost = (way, { type, id }) => way === "out" && (id !== undefined || type === "messages");
    const sent = room.send("Hi");
    await time.pass(100);
    server.socket.cut();
    await time.pass(SECOND);
    assert.equal((await sent).seq, 1);
    assert.equal(server.askedFor("send").length, 1);
  });

  it("goes on with the next message after a refusal", async () => {
    const visit = await person().join("general");
    server.refusal = ({ message }) => message === "bad" && { code: "invalid_message" };
    const refused = assert.rejects(visit.room.send("bad"), { code: "invalid_message", message: "no" });
    const sent = visit.room.send("good");
    await time.pass(SECOND);
    await Promise.all([refused, sent]);
    assert.deepEqual(visit.events, ["joined", "failed: invalid_message", "sent 1", "good"]);
  });

  it("lets one listen to events instead of promises", async () => {
    const visit = await person().join("general");
    server.refusal = ({ action }) => action === "send" && { code: "forbidden" };
    visit.room.send("Hi"); // whose rejection nobody handles
    await time.pass(SECOND);
    assert.deepEqual(visit.events, ["joined", "failed: forbidden"]);
  });

  it("waits as long as it is told to when it is too fast", async () => {
    const { room } = await person().join("general");
    let refusals = 1;
    server.refusal = ({ action }) => action === "send" && refusals-- > 0 && { code: "rate_limited", retry_after: 3 };
    const sent = [room.send("one"), room.send("two")];
    await time.pass(2.9 * SECOND);
    assert.equal(server.askedFor("send").length, 1);
    await time.pass(SECOND);
    await Promise.all(sent);
    assert.deepEqual(stored(), ["one", "two"]);
  });

  it("tries again by itself after a failure of the server's", async () => {
    const { room } = await person().join("general");
    let failures = 3;
    server.refusal = ({ action }) => action === "send" && failures-- > 0 && { code: "internal" };
    const sent = room.send("Hi");
    await time.pass(5 * SECOND);
    await sent;
  });

  it("asks again soon, on the same socket, when API Gateway says that something failed", async () => {
    const ada = person();
    const { room } = await ada.join("general");
    let deaths = 2;
    server.dies = (step) => step === "head" && deaths-- > 0;
    server.lag = () => 60 * SECOND; // The fan-out does not help.
    const sent = room.send("Hi");
    await time.pass(2 * SECOND);
    await sent;
    assert.deepEqual([server.askedFor("send").length, server.sockets.length], [3, 1]);
  });

  it("joins again, and sends again, where the server has it in the room no more", async () => {
    const visit = await person().join("general");
    server.socket.rooms.clear();
    const sent = visit.room.send("Hi");
    await time.pass(SECOND);
    await sent;
    assert.deepEqual(visit.events, ["joined", "joining", "joined", "sent 1", "Hi"]);
    assert.equal(server.sockets.length, 1);
  });

  it("is refused with all that waits when the room may be joined no more", async () => {
    const ada = person();
    const visit = await ada.join("general");
    server.refusal = ({ action }) => action === "join" && { code: "forbidden" };
    server.socket.rooms.clear();
    const refused = ["one", "two"].map((text) => assert.rejects(visit.room.send(text), { code: "forbidden" }));
    await time.pass(SECOND);
    await Promise.all(refused);
    assert.deepEqual(visit.events.slice(1), ["joining", "failed: forbidden", "failed: forbidden", "left: forbidden"]);
    assert.deepEqual([ada.chat.rooms, storage.items.size], [[], 0]);
    await assert.rejects(visit.room.send("three"), { code: "forbidden" });
  });

  it("is refused here where the server could not even say so", async () => {
    const { room, events } = await person().join("general");
    await assert.rejects(room.send("x".repeat(33_000)), { code: "message_too_large" });
    for (const ref of ["", "r".repeat(129), "line\nfeed"]) {
      await assert.rejects(room.send("Hi", { ref }), { code: "invalid_ref" });
    }
    assert.deepEqual(events.slice(1, 3), ["failed: message_too_large", "failed: invalid_ref"]);
    const circle = {};
    circle.circle = circle;
    await assert.rejects(room.send("Hi", { data: circle }), { code: "invalid_message" });
    assert.deepEqual([room.pending, server.askedFor("send")], [[], []]);
  });

  it("knows a refusal that names no ref for the answer to the only question", async () => {
    const { room } = await person().join("general");
    server.refusal = ({ action }) => action === "send" && { code: "invalid_frame", ref: null };
    const refused = assert.rejects(room.send("Hi"), { code: "invalid_frame" });
    await time.pass(100);
    await refused;
  });

  it("ends with the room", async () => {
    const { room } = await person().join("general");
    server.isLost = (way, { action }) => action === "send";
    const refused = ["one", "two"].map((text) => assert.rejects(room.send(text), { code: "left" }));
    const left = room.leave();
    await time.pass(100);
    await Promise.all([...refused, left]);
    await assert.rejects(room.send("three"), { code: "left" });
    assert.equal(server.socket.rooms.size, 0);
    assert.equal(storage.items.size, 0);
  });

  it("leaves a room only after the join that is under way", async () => {
    const ada = person();
    const visit = await ada.join("general");
    server.socket.rooms.clear();
    visit.room.send("Hi"); // which has it join again
    server.wayIn = ({ action }) => (action === "join" ? 500 : 1);
    await time.pass(100);
    const left = visit.room.leave();
    await time.pass(SECOND);
    await left;
    assert.equal(server.socket.rooms.size, 0);
  });
});

describe("sending in a room that could not be joined", () => {
  it("is refused as the room is, and told", async () => {
    server.refusal = ({ action }) => action === "join" && { code: "forbidden" };
    const { chat } = person();
    const refused = [assert.rejects(chat.join("general"), { code: "forbidden" })];
    const visit = new Visit(chat.rooms[0]);
    refused.push(assert.rejects(visit.room.send("Hi"), { code: "forbidden" }));
    await time.pass(100);
    await Promise.all(refused);
    assert.deepEqual(visit.events, ["failed: forbidden", "left: forbidden"]);
    assert.deepEqual([visit.room.pending, storage.items.size], [[], 0]);
    await assert.rejects(visit.room.send("Hi"), { code: "forbidden" });
  });
});

describe("a message that has to wait", () => {
  let visit, delayed;
  const slow = (seconds) => server.moderation.act({ action: "slow_mode", room: "general", seconds }, "Mod");

  beforeEach(async () => {
    visit = await person().join("general");
    delayed = [];
    visit.room.addEventListener("delayed", ({ detail }) => delayed.push(detail));
  });

  it("is told to do so, and sent again by itself", async () => {
    let times = 0;
    server.refusal = ({ action }) => action === "send" && times++ < 1 && { code: "rate_limited", retry_after: 30 };
    visit.room.send("Hi", { ref: "r1" });
    await time.pass(29 * SECOND);
    assert.deepEqual(delayed, [{ id: "r1", code: "rate_limited", detail: "no", retryAfter: 30 }]);
    assert.deepEqual(stored(), []);
    await time.pass(2 * SECOND);
    assert.deepEqual([stored(), delayed.length], [["Hi"], 1]);
  });

  it("waits no longer when slow mode ends", async () => {
    server.refusal = ({ action }) => action === "send" && { code: "rate_limited", retry_after: 3600 };
    visit.room.send("Hi");
    await time.pass(SECOND);
    server.refusal = () => null;
    slow(0);
    await time.pass(SECOND);
    assert.deepEqual(stored(), ["Hi"]);
  });

  it("does not ask all the time where it has to wait for longer than timers can", async () => {
    const yearly = { code: "rate_limited", retry_after: 366 * 24 * 3600 };
    const { setTimeout } = time;
    time.setTimeout = (action, delay) => setTimeout(action, delay > 2 ** 31 - 1 ? 1 : delay); // as real ones do
    server.refusal = ({ action }) => action === "send" && yearly;
    visit.room.send("Hi");
    await time.pass(10 * SECOND);
    assert.equal(server.askedFor("send").length, 1);
  });

  it("is sent again for any code that says when", async () => {
    let times = 0;
    server.refusal = ({ action }) => action === "send" && times++ < 1 && { code: "full_moon", retry_after: 2 };
    visit.room.send("Hi");
    await time.pass(4 * SECOND);
    assert.deepEqual(stored(), ["Hi"]);
  });
});

describe("messages that are not acknowledged yet", () => {
  /** A page that goes away without a word, as a reload has it. */
  async function writeAndVanish(...texts) {
    const { room } = await person({ client: "gone" }).join("general");
    server.isLost = (way, { action }) => action === "send";
    for (const [index, text] of texts.entries()) room.send(text, { ref: `ref-${index + 1}` });
    await time.pass(10);
    server.isLost = () => false;
    server.socket.isFrozen = true;
    server.handshake = ({ user }) => (user === "gone" ? "hang" : "open");
  }

  it("are there and sent after a page reload", async () => {
    await writeAndVanish("one", "two");
    server.wayOut = ({ type }) => (type === "reply" ? 50 : 1);
    const joining = person().chat.join("general");
    await time.pass(55);
    const room = await joining;
    assert.deepEqual(room.pending, [{ id: "ref-1", message: "one" }, { id: "ref-2", message: "two" }]);
    await time.pass(SECOND);
    assert.deepEqual([stored(), room.pending, storage.items.size], [["one", "two"], [], 0]);
  });

  it("tell what became of them to listeners that are added right after the join", async () => {
    await writeAndVanish("one");
    const visit = await person().join("general");
    await time.pass(SECOND);
    assert.deepEqual(visit.events, ["joined", "sent 1", "one"]);
  });

  it("give their promise to whoever sends them again by their ref", async () => {
    await writeAndVanish("one");
    server.wayOut = ({ type }) => (type === "reply" ? 50 : 1);
    const joining = person().chat.join("general");
    await time.pass(55);
    const room = await joining;
    const sent = room.send("one", { ref: "ref-1" });
    await time.pass(SECOND);
    assert.deepEqual((await sent).id, "ref-1");
    assert.deepEqual(stored(), ["one"]);
  });

  it("are not sent twice when they had arrived", async () => {
    const { room } = await person().join("general");
    server.isLost = (way) => way === "out";
    room.send("one");
    await time.pass(10);
    server.isLost = () => false;
    server.socket.isFrozen = true;
    const visit = await person().join("general");
    await time.pass(SECOND);
    assert.deepEqual([visit.texts, visit.room.pending], [["one"], []]);
  });

  it("are refused once they are so old that the server might take them for new ones", async () => {
    await writeAndVanish("one");
    await time.pass(23 * HOUR);
    const visit = await person().join("general");
    await time.pass(SECOND);
    assert.deepEqual(visit.events, ["joined", "failed: expired"]);
    assert.deepEqual([stored(), storage.items.size], [[], 0]);
  });

  it("are refused for their age in a page that stayed, too", async () => {
    const { room } = await person().join("general");
    server.handshake = () => "refuse";
    server.socket.cut();
    const refused = assert.rejects(room.send("one"), { code: "expired" });
    await time.pass(24 * HOUR);
    server.handshake = () => "open";
    await time.pass(60 * SECOND);
    await refused;
  });

  it("are kept for each room and endpoint", async () => {
    await writeAndVanish("one");
    assert.deepEqual([...storage.items.keys()], ["roomcast.outbox wss://chat.test/prod general"]);
    await person().join("random");
    assert.deepEqual(server.log("random").messages, []);
  });

  it("are refused when the room is left", async () => {
    await writeAndVanish("one");
    server.isLost = (way, { action }) => action === "send";
    const visit = await person().join("general");
    visit.room.leave();
    await time.pass(SECOND);
    assert.deepEqual(visit.events, ["joined", "failed: left", "left: left"]);
    assert.equal(storage.items.size, 0);
  });

  it("stay for a later visit where the room cannot be joined", async () => {
    await writeAndVanish("one");
    server.refusal = ({ action }) => action === "join" && { code: "forbidden" };
    const { chat } = person();
    const refused = assert.rejects(chat.join("general"), { code: "forbidden" });
    const [room] = chat.rooms;
    await time.pass(100);
    await refused;
    await assert.rejects(room.send("one", { ref: "ref-1" }), { code: "forbidden" });
    server.refusal = () => null;
    await person().join("general");
    await time.pass(SECOND);
    assert.deepEqual(stored(), ["one"]);
  });

  it("may be a hundred; the next is told that they are too many", async () => {
    const { room } = await person().join("general");
    server.isLost = () => true;
    for (let number = 1; number <= 100; number++) room.send(`m${number}`);
    await assert.rejects(room.send("one too many"), { code: "queue_full" });
    assert.equal(room.pending.length, 100);
    server.isLost = () => false;
    await time.pass(30 * SECOND);
    assert.equal(stored().length, 100);
  });
});
