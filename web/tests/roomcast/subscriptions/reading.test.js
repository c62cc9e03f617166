import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Tally } from "../../../roomcast/room/subscriptions/tally.js";
import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeTime } from "../../support/time.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

let time, server, client, room;
const marks = () => server.requests("read").map(({ seq }) => seq);
const stored = (user = "ada") => server.subscriptions.of(user).get("general")?.read;

beforeEach(async () => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  client = new Client(server, { client: "ada", name: "Ada" });
  server.say("general", "one");
  ({ room } = await client.join("general"));
});

describe("a subscription", () => {
  it("begins with everything read, and ends", async () => {
    const subscribed = room.subscribe();
    await time.pass(SECOND);
    assert.equal(await subscribed, undefined);
    assert.equal(stored(), 1);
    room.unsubscribe();
    await time.pass(SECOND);
    assert.equal(stored(), undefined);
  });

  it("may be muted, and is left as it is if that is not said", async () => {
    room.subscribe({ muted: true });
    await time.pass(SECOND);
    room.subscribe();
    await time.pass(SECOND);
    assert.deepEqual(server.requests("subscribe").map(({ muted }) => muted), [true, undefined]);
    assert.equal(server.subscriptions.of("ada").get("general").muted, true);
  });

  it("waits while offline, and fails for good with the server's error", async () => {
    server.socket.cut();
    room.subscribe();
    await time.pass(MINUTE);
    assert.equal(stored(), 1);
    server.error = ({ action }) => action === "subscribe" && { code: "forbidden" };
    const failed = assert.rejects(room.subscribe(), { code: "forbidden" });
    await time.pass(MINUTE);
    await failed;
  });
});

describe("marking messages as read", () => {
  beforeEach(async () => {
    room.subscribe();
    await time.pass(SECOND);
  });

  /** Others say something, and it comes. */
  async function say(count) {
    const seqs = Array.from({ length: count }, (_, index) => server.say("general", `m${index}`));
    await time.pass(SECOND);
    return seqs;
  }

  it("sends the highest of many marks, once", async () => {
    for (const seq of await say(5)) room.read(seq);
    room.read(3);
    await time.pass(MINUTE);
    assert.deepEqual(marks(), [6]);
    assert.equal(stored(), 6);
  });

  it("sends one mark a second, and the last one for certain", async () => {
    for (const seq of await say(25)) {
      room.read(seq);
      await time.pass(100);
    }
    await time.pass(3 * SECOND);
    assert.deepEqual([marks().length, marks().at(-1), stored()], [4, 26, 26]);
    assert.ok(server.requests("read").every((frame) => !server.error(frame)));
  });

  it("is done when the server has the mark, or a higher one", async () => {
    const [first, second] = await say(2);
    const done = [];
    room.read(first).then(() => done.push("first"));
    await time.pass(0);
    room.read(second).then(() => done.push("second"));
    await time.pass(MINUTE);
    assert.deepEqual([done, stored()], [["first", "second"], second]);
    room.read(second).then(() => done.push("again"));
    await time.pass(0);
    assert.deepEqual([done.length, marks().at(-1)], [3, second]);
  });

  it("waits while offline, and sends the newest then", async () => {
    const seqs = await say(3);
    await time.pass(SECOND);
    server.handshake = () => "reject";
    server.socket.cut();
    for (const seq of seqs) room.read(seq);
    await time.pass(MINUTE);
    assert.deepEqual(marks(), []);
    server.handshake = () => "open";
    await time.pass(2 * MINUTE);
    assert.deepEqual(marks(), [4]);
  });

  it("is repeated after rate_limited with the mark that is the newest then", async () => {
    let isFirst = true;
    server.error = ({ action }) => {
      if (action !== "read" || !isFirst) return null;
      isFirst = false;
      return { code: "rate_limited", retry_after: 2 };
    };
    const [first, second] = await say(2);
    room.read(first);
    await time.pass(SECOND);
    room.read(second);
    await time.pass(MINUTE);
    assert.deepEqual([marks(), stored()], [[first, second], second]);
  });

  it("goes on after the room is left", async () => {
    const [seq] = await say(1);
    await time.pass(SECOND);
    room.read(seq);
    room.leave();
    await time.pass(MINUTE);
    assert.equal(stored(), seq);
  });

  it("is not sent if another device has read so far, or the user has written since", async () => {
    const seqs = await say(2);
    await time.pass(SECOND);
    server.subscriptions.mark("ada", "general", seqs[1]);
    await time.pass(SECOND);
    room.read(seqs[0]);
    room.send("mine");
    await time.pass(SECOND);
    room.read(seqs[1] + 1);
    await time.pass(MINUTE);
    assert.deepEqual(marks(), []);
  });

  it("fails without a subscription, and may be tried again", async () => {
    await say(2);
    server.subscriptions.of("ada").clear();
    for (let attempt = 1; attempt <= 2; attempt++) {
      const failed = assert.rejects(room.read(1 + attempt), { code: "not_subscribed" });
      await time.pass(MINUTE);
      await failed;
    }
    assert.equal(marks().length, 2);
  });

  it("counts only what has come", async () => {
    room.read(100);
    await time.pass(SECOND);
    await say(2);
    assert.deepEqual([marks(), stored()], [[], 1]);
    room.read(100);
    await time.pass(SECOND);
    assert.deepEqual([marks(), stored()], [[3], 3]);
  });

  it("counts no more than the server has", async () => {
    const seqs = await say(3);
    const { mark } = server.subscriptions;
    server.subscriptions.mark = (user, name, seq) => mark.call(server.subscriptions, user, name, seq - 1);
    room.read(seqs[2]);
    await time.pass(MINUTE);
    assert.deepEqual([marks(), stored()], [[4], 3]);
    server.subscriptions.mark = mark;
    room.read(seqs[2]);
    await time.pass(MINUTE);
    assert.equal(stored(), 4);
  });

  it("means nothing in another log", async () => {
    const [, , last] = await say(3);
    await time.pass(SECOND);
    server.handshake = () => "reject";
    server.socket.cut();
    const marked = room.read(last);
    server.forget();
    server.say("general", "the new log");
    server.handshake = () => "open";
    await time.pass(2 * MINUTE);
    assert.deepEqual(marks(), []);
    assert.equal(await marked, undefined);
  });
});

describe("mentions", () => {
  it("go with a message and its copies, and wait with it over a reload", async () => {
    server.handshake = () => "reject";
    server.socket.cut();
    const mentions = ["bob", "eve"];
    room.send("Lunch?", { mentions, ref: "r1" });
    mentions.pop();
    assert.deepEqual(room.pending, [{ id: "r1", message: "Lunch?", mentions: ["bob", "eve"] }]);
    room.send("Nobody", { mentions: [], ref: "r2" });
    server.handshake = () => "open";
    const read = [];
    room.addEventListener("message", ({ detail }) => read.push(detail.mentions));
    await time.pass(2 * MINUTE);
    assert.deepEqual(server.requests("send").map((frame) => frame.mentions), [["bob", "eve"], undefined]);
    assert.deepEqual(read, [["bob", "eve"], undefined]);
  });
});

it("who has read a room is told", async () => {
  server.subscriptions.sendsReceipts = true;
  const receipts = [];
  room.addEventListener("read", ({ detail }) => receipts.push(detail));
  server.subscriptions.add("bob", "general", { read: 0 });
  server.subscriptions.mark("bob", "general", 1);
  server.socket.push({ type: "read", room: "general", user: "bob", name: "Bob" });
  await time.pass(SECOND);
  assert.deepEqual(receipts, [{ user: "bob", name: "bob", seq: 1 }]);
});

describe("the tally of messages", () => {
  it("counts those after a number, and nothing that it does not know", () => {
    const tally = new Tally();
    assert.equal(tally.after(0), undefined);
    for (const seq of [5, 7, 8]) tally.add(seq);
    assert.deepEqual([3, 4, 5, 6, 7, 8, 9].map((seq) => tally.after(seq)), [undefined, 3, 2, 2, 1, 0, 0]);
    for (let seq = 9; seq < 5_000; seq++) tally.add(seq);
    assert.deepEqual([tally.after(8), tally.after(4_990)], [undefined, 9]);
    tally.clear();
    assert.equal(tally.after(4_990), undefined);
  });
});
