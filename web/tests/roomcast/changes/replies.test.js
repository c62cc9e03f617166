import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Forms } from "../../../roomcast/room/log/forms.js";
import { FakePage } from "../../support/page.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeTime } from "../../support/time.js";
import { watchingMember } from "../../support/watching-member.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

let time, server;

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
});

/** A member, and the forms of message 1 that it is told. */
async function reader(options) {
  const { room, record } = await watchingMember(server, options);
  const counts = [];
  room.addEventListener("changed", ({ detail: { seq, replies, revision } }) => counts.push([seq, replies, revision]));
  return { room, record, counts };
}

describe("the replies to a message", () => {
  const message = (seq, fields) => ({ seq, id: `m${seq}`, user: "u", name: "n", message: "text", at: "", ...fields });
  const reply = (seq) => message(seq, { replyTo: 1, root: 1 });
  let forms;
  const noted = (messages, changes = []) => {
    const events = forms.note({ messages, changes, skipped: [] });
    return events.map(({ type, detail: { seq, replies, revision } }) => [type, seq, replies, revision]);
  };

  beforeEach(() => {
    forms = new Forms();
    forms.note({ messages: [message(1)], changes: [], skipped: [] });
  });

  it("are counted once each, in whatever order they come", () => {
    assert.deepEqual(noted([reply(9)]), [["changed", 1, 1, 9]]);
    assert.deepEqual(noted([reply(8)]), [["changed", 1, 2, 9]]);
    assert.deepEqual(noted([reply(8), reply(9)]), []);
    assert.deepEqual(noted([reply(10), reply(11)]), [["changed", 1, 4, 11]]);
  });

  it("are in the server's own form up to its revision", () => {
    noted([reply(8)]);
    noted([reply(10)]);
    const edited = message(1, { replies: 1, revision: 9, message: "new" });
    assert.deepEqual(noted([], [{ seq: 9, of: 1, kind: "edit", message: edited }]), [["changed", 1, 2, 10]]);
    assert.deepEqual([forms.get(1).message, forms.latest(message(1)).replies], ["new", 2]);
    assert.deepEqual(noted([reply(8)]), []);
  });

  it("come in a page with their root, which has them already", () => {
    const events = noted([message(1, { replies: 2, revision: 9 }), reply(8), reply(9)]);
    assert.deepEqual(events, [["changed", 1, 2, 9], ["reactions", 1, 2, 9]]);
  });

  it("are counted at a root that comes later, as an older page has it", () => {
    const second = (seq) => message(seq, { replyTo: 2, root: 2 });
    assert.deepEqual(noted([second(8)]), []);
    assert.deepEqual(noted([second(9)]), []);
    forms.note({ messages: [message(2, { replies: 1, revision: 8 })], changes: [], skipped: [] });
    assert.deepEqual([forms.get(2).replies, forms.get(2).revision], [2, 9]);
  });

  it("are never forgotten, however many there are", () => {
    for (let seq = 2; seq <= 5_100; seq++) noted([reply(seq)]);
    assert.equal(forms.get(1).replies, 5_099);
    assert.deepEqual(noted([reply(50)]), []);
  });
});

describe("a reply", () => {
  it("is sent with the number of what it answers, and counted at the root of its chain by all", async () => {
    server.say("general", "Bob's");
    const ada = await reader({ client: "ada" });
    const eve = await reader({ client: "eve" });
    ada.room.send("So do I", { replyTo: 1 });
    await time.pass(SECOND);
    eve.room.send("Me too", { replyTo: 2 });
    await time.pass(MINUTE);
    for (const { record, counts } of [ada, eve]) {
      assert.deepEqual(record.messages.map(({ replyTo, root }) => [replyTo, root]), [[undefined, undefined], [1, 1], [2, 1]]);
      assert.deepEqual(counts, [[1, 1, 2], [1, 2, 3]]);
    }
  });

  it("is counted once if it is repeated, and after an absence", async () => {
    server.say("general", "Bob's");
    const { counts } = await reader();
    server.isDuplicated = () => true;
    server.answer("general", 1, "one");
    server.answer("general", 1, "two", { isBroadcast: false });
    server.say("general", "more");
    await time.pass(3 * SECOND);
    server.socket.cut();
    server.answer("general", 1, "three");
    await time.pass(MINUTE);
    assert.deepEqual(counts, [[1, 1, 2], [1, 2, 3], [1, 3, 5]]);
  });

  it("waits over a reload, and is sent again as a reply", async () => {
    server.say("general", "Bob's");
    const page = new FakePage(server);
    const { room } = await reader({ clock: page.clock, storage: page.storage });
    server.isLost = (way, { action }) => way === "in" && action === "send";
    room.send("So do I", { replyTo: 1, ref: "r1" });
    assert.deepEqual(room.pending, [{ id: "r1", message: "So do I", replyTo: 1 }]);
    await time.pass(SECOND);
    page.close();
    server.isLost = () => false;
    const next = new FakePage(server, page);
    await reader({ clock: next.clock, storage: next.storage });
    await time.pass(MINUTE);
    const sends = server.requests("send").map(({ ref, reply_to }) => [ref, reply_to]);
    assert.deepEqual([...new Set(sends.map(String))], ["r1,1"]);
    assert.deepEqual(server.log("general").messages.map(({ reply_to }) => reply_to), [undefined, 1]);
  });

  it("to a message of another log is not sent to the new one", async () => {
    server.say("general", "Bob's");
    const { room, record } = await reader();
    server.handshake = () => "reject";
    server.socket.cut();
    room.send("So do I", { replyTo: 1 });
    server.forget();
    server.store("general", "of the new log");
    server.handshake = () => "open";
    await time.pass(MINUTE);
    assert.ok(record.events.includes("failed: invalid_message"));
    assert.deepEqual(server.log("general").messages.map(({ message }) => message), ["of the new log"]);
  });
});

describe("a message that is quoted", () => {
  const find = async (room, seq) => {
    const finding = room.message(seq);
    await time.pass(SECOND);
    return finding;
  };

  it("is as it is now, without a request if it is loaded", async () => {
    server.say("general", "Bob's");
    const { room } = await reader();
    server.change("general", 1, { action: "edit", message: "new" });
    await time.pass(SECOND);
    server.received.length = 0;
    assert.equal((await find(room, 1)).message, "new");
    assert.deepEqual(server.requests("history"), []);
  });

  it("is requested if it is not, once, and its changes are then told", async () => {
    for (const text of ["one", "two", "three"]) server.say("general", text);
    const { room, counts } = await reader({ history: 1 });
    server.received.length = 0;
    assert.equal((await find(room, 1)).message, "one");
    assert.equal((await find(room, 1)).message, "one");
    assert.deepEqual(server.requests("history").map(({ before, limit }) => [before, limit]), [[2, 1]]);
    server.change("general", 2, { action: "edit", message: "not loaded" });
    server.change("general", 1, { action: "edit", message: "new" });
    await time.pass(SECOND);
    assert.deepEqual(counts, [[1, undefined, 5]]);
    assert.equal((await room.message(1)).message, "new");
  });

  it("is null if it is not there any more", async () => {
    for (const text of ["one", "two", "three"]) server.say("general", text);
    server.log("general").rows.delete(2);
    const { room } = await reader({ history: 1 });
    assert.equal(await find(room, 2), null);
  });
});
