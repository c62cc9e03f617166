import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { FakePage } from "../../support/page.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeTime } from "../../support/time.js";
import { lookOf, watchingMember } from "../../support/watching-member.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

let time, server, page;
const member = (client) => watchingMember(server, { ...page, client });

const stored = () => server.log("general").messages.map(lookOf);
const changes = () => server.received.filter(({ action }) => ["edit", "delete", "react"].includes(action));

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  page = new FakePage(server);
});

function goOffline() {
  server.handshake = () => "reject";
  for (const socket of server.open) socket.cut();
}

const goOnline = () => (server.handshake = () => "open");

function reload() {
  page.close();
  page = new FakePage(server, page);
  goOnline();
}

/** Ada is in the room, and has said something. */
async function adaHasSpoken(text = "Hi") {
  const ada = await member();
  ada.room.send(text);
  await time.pass(SECOND);
  return ada;
}

describe("a change", () => {
  it("is shown at once as pending, then as stored, and to the others", async () => {
    const { room, forms } = await adaHasSpoken();
    const bob = await member("bob");
    const edited = room.edit(1, "Hello");
    await time.pass(0);
    assert.deepEqual(forms, [["changed", "pending", "Hello"]]);
    await time.pass(SECOND);
    const { seq, of, id } = await edited;
    assert.deepEqual([seq, of, typeof id], [2, 1, "string"]);
    assert.ok(forms.slice(1).every((form) => form.join() === "changed,now,Hello"), JSON.stringify(forms));
    assert.deepEqual(bob.forms, [["changed", "now", "Hello"]]);
  });

  it("may be broadcast later if it is a reaction, because those of a storm wait for each other", async () => {
    const { room } = await adaHasSpoken();
    server.streamLag = () => 2 * SECOND;
    const before = server.requests("history").length;
    room.react(1, "👍");
    await time.pass(5 * SECOND);
    assert.equal(server.requests("history").length, before);
    room.edit(1, "Hello");
    await time.pass(5 * SECOND);
    assert.equal(server.requests("history").length, before + 1);
  });

  it("stays shown from its acknowledgement until its entry comes", async () => {
    server.streamLag = () => 300;
    const { room, forms } = await adaHasSpoken();
    room.edit(1, "Hello");
    await time.pass(100);
    assert.deepEqual(forms, [["changed", "pending", "Hello"], ["changed", "now", "Hello"]]);
    const reading = room.history({ before: 2 });
    await time.pass(10);
    assert.deepEqual((await reading).messages.map(lookOf), ["Hello"], "a page is older, too");
    assert.deepEqual(stored(), ["Hi"]);
    await time.pass(SECOND);
    assert.deepEqual([stored(), forms.at(-1)], [["Hello"], ["changed", "now", "Hello"]]);
  });

  it("is taken back if the server rejects it, and its user is told why", async () => {
    const { room, forms, failed } = await member();
    server.say("general", "Bob's");
    await time.pass(10);
    const rejected = assert.rejects(room.edit(1, "mine"), { name: "RoomcastError", code: "forbidden" });
    await time.pass(10);
    await rejected;
    assert.deepEqual(forms, [["changed", "pending", "mine"], ["changed", "now", "Bob's"]]);
    assert.deepEqual(failed, [["edit", 1, "forbidden"]]);
  });

  it("needs a message that is there", async () => {
    const { room, failed } = await adaHasSpoken();
    const rejected = ["unknown ref", 7].map((message) => assert.rejects(room.delete(message), { code: "invalid_message" }));
    await time.pass(10);
    await Promise.all(rejected);
    assert.deepEqual(failed, [["delete", undefined, "invalid_message"], ["delete", 7, "invalid_message"]]);
  });

  it("is sent again with its ref if its reply is lost, and counts once", async () => {
    const { room } = await adaHasSpoken();
    server.isLost = (way, { type, of }) => way === "out" && type === "reply" && of === 1;
    const reacted = room.react(1, "👍");
    await time.pass(5 * SECOND);
    server.isLost = () => false;
    await time.pass(MINUTE);
    assert.equal((await reacted).seq, 2);
    assert.deepEqual([stored(), new Set(changes().map(({ ref }) => ref)).size], [["Hi 👍 1"], 1]);
  });

  it("waits as long as the server says, and what comes after it, too", async () => {
    const { room, failed } = await adaHasSpoken();
    const delayed = [];
    room.addEventListener("delayed", ({ detail: { retryAfter } }) => delayed.push(retryAfter));
    const until = time.elapsed() + 3 * SECOND;
    server.error = ({ action }) => action === "react" && time.elapsed() < until && { code: "rate_limited", retry_after: 3 };
    room.react(1, "👍");
    room.send("after it");
    await time.pass(2 * SECOND);
    assert.deepEqual([delayed, stored(), room.pendingChanges.length], [[3], ["Hi"], 1]);
    await time.pass(10 * SECOND);
    assert.deepEqual([stored(), failed], [["Hi 👍 1", "after it"], []]);
  });

  it("that was made offline waits, and all are sent in order, over a reload", async () => {
    const { room } = await adaHasSpoken();
    goOffline();
    room.edit(1, "one");
    room.send("between");
    room.edit(1, "two", { data: { mood: "good" } });
    room.react(1, "👍");
    room.react(1, "👍", false);
    assert.deepEqual(room.pendingChanges.map(({ action, seq }) => [action, seq]), [["edit", 1], ["edit", 1], ["react", 1], ["react", 1]]);
    reload();
    server.delayOut = ({ type }) => (type === "reply" ? 20 : 1);
    const later = await member("ada");
    assert.deepEqual(later.record.messages.map(lookOf)[0], "two", "shown while it waits");
    assert.deepEqual(later.record.messages[0].data, { mood: "good" });
    await time.pass(MINUTE);
    assert.deepEqual([stored(), page.storage.items.size], [["two", "between"], 0]);
    assert.deepEqual(changes().map(({ action, on }) => `${action} ${on ?? ""}`.trim()), ["edit", "edit", "react true", "react false"]);
  });

  it("of another user neither shows nor is sent", async () => {
    const { room } = await adaHasSpoken();
    goOffline();
    room.edit(1, "Ada's");
    reload();
    const eve = await member("eve");
    await time.pass(SECOND);
    assert.deepEqual([eve.record.texts, eve.room.pendingChanges, stored()], [["Hi"], [], ["Hi"]]);
  });

  it("of a message of another log is not sent to the new one", async () => {
    const { room, failed } = await adaHasSpoken();
    goOffline();
    room.delete(1);
    server.forget();
    server.store("general", "of the new log");
    goOnline();
    await time.pass(MINUTE);
    assert.deepEqual([failed, stored(), changes()], [[["delete", 1, "invalid_message"]], ["of the new log"], []]);
  });

  it("ends with the room", async () => {
    const { room } = await adaHasSpoken();
    goOffline();
    const rejected = assert.rejects(room.react(1, "👍"), { code: "left" });
    room.leave();
    await rejected;
    assert.equal(page.storage.items.size, 0);
  });
});

describe("a change of a message that is pending", () => {
  it("is its new text if it was never sent", async () => {
    const { room } = await adaHasSpoken();
    goOffline();
    const sent = room.send("Hello", { ref: "r1", data: 1 });
    const edited = room.edit("r1", "Hello, all");
    assert.deepEqual([room.pending, room.pendingChanges], [[{ id: "r1", message: "Hello, all" }], []]);
    goOnline();
    await time.pass(MINUTE);
    assert.deepEqual([stored(), changes()], [["Hi", "Hello, all"], []]);
    assert.deepEqual(await sent, await edited);
  });

  it("takes it out of the queue if it was never sent, with all other changes", async () => {
    const { room, record } = await adaHasSpoken();
    goOffline();
    const sent = assert.rejects(room.send("Oops", { ref: "r1" }), { code: "deleted" });
    const reacted = assert.rejects(room.react("r1", "👍"), { code: "deleted" });
    assert.deepEqual(room.pending, [{ id: "r1", message: "Oops", reactions: [{ reaction: "👍", count: 1, people: [room.me] }] }]);
    assert.equal(await room.delete("r1"), null);
    await Promise.all([sent, reacted]);
    goOnline();
    await time.pass(MINUTE);
    assert.deepEqual([stored(), room.pending, room.pendingChanges, page.storage.items.size], [["Hi"], [], [], 0]);
    assert.deepEqual(record.events.filter((event) => event.startsWith("failed")), ["failed: deleted", "failed: deleted"]);
  });

  for (const [name, change, wanted] of [
    ["an edit", (room) => room.edit("r1", "Hello"), "Hello"],
    ["a deletion", (room) => room.delete("r1"), ""],
    ["a reaction", (room) => room.react("r1", "👍"), "Oops 👍 1"],
  ]) {
    it(`waits for its acknowledgement if the server may have it: ${name}, over a reload`, async () => {
      const { room } = await member();
      server.isLost = (way, { action }) => way === "in" && action === "send";
      room.send("Oops", { ref: "r1" });
      await time.pass(10);
      change(room);
      assert.equal(room.pendingChanges[0].ref, "r1");
      reload();
      server.isLost = () => false;
      await member();
      await time.pass(MINUTE);
      assert.deepEqual([stored(), changes().length, changes()[0].seq], [[wanted], 1, 1]);
    });
  }

  it("fails with it", async () => {
    const { room, failed } = await member();
    server.error = ({ action }) => action === "send" && { code: "forbidden" };
    room.send("Hi", { ref: "r1" });
    await time.pass(0);
    room.react("r1", "👍");
    await time.pass(SECOND);
    assert.deepEqual([failed, changes()], [[[undefined, undefined, "forbidden"], ["react", undefined, "forbidden"]], []]);
  });

  it("may name it by its ref a moment after it was stored", async () => {
    const { room } = await member();
    room.send("Hi", { ref: "r1" });
    await time.pass(SECOND);
    room.edit("r1", "Hello");
    await time.pass(SECOND);
    assert.deepEqual(stored(), ["Hello"]);
  });
});
