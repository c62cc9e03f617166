import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { chat, client, looks, say, server, subscribe, time } from "../../support/room-list-fixture.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

describe("the list of rooms", () => {
  it("is read page by page, and has the room with the newest message first", async () => {
    server.subscriptions.pageSize = 2;
    for (const room of ["a", "b", "c", "d", "e"]) await say(room);
    subscribe("a", "b", "c", "d", "e");
    await say("c", "news");
    const list = chat.rooms();
    assert.deepEqual([list.list, list.isComplete], [[], false]);
    await time.pass(SECOND);
    assert.equal(list.isComplete, true);
    assert.deepEqual(looks("unread"), [["c", 1], ["e", 0], ["d", 0], ["b", 0], ["a", 0]]);
    assert.deepEqual(server.requests("rooms").map(({ after }) => after), [undefined, "b", "d"]);
    assert.equal(list.list[0].newest.message, "news");
    assert.equal(chat.rooms(), list);

    const [, ...others] = list.list;
    server.subscriptions.mark("ada", "c", 2);
    await time.pass(SECOND);
    assert.deepEqual(looks("unread")[0], ["c", 0]);
    assert.ok(others.every((room, index) => room === list.list[index + 1])); // Nothing has changed there.
  });

  it("needs no room to be joined, and is told by an event in which it is complete", async () => {
    subscribe("a");
    const told = [];
    chat.rooms().addEventListener("changed", ({ detail: { list } }) => told.push(list.length));
    await time.pass(SECOND);
    assert.deepEqual([told.at(-1), chat.joined, chat.state], [1, [], "open"]);
  });

  it("is read again after a reconnect, without what has ended meanwhile", async () => {
    subscribe("a", "b");
    chat.rooms();
    await time.pass(SECOND);
    server.subscriptions.noticeDelay = () => 1;
    server.socket.cut();
    server.subscriptions.of("ada").delete("a");
    await say("b");
    await time.pass(MINUTE);
    assert.deepEqual(looks("unread"), [["b", 1]]);
  });

  it("is not requested by a chat that does not ask for it", async () => {
    await client.join("general");
    await time.pass(MINUTE);
    assert.deepEqual(server.requests("rooms"), []);
  });

  it("that the server does not give is an error, and the next reconnect asks again", async () => {
    const errors = [];
    chat.addEventListener("error", ({ detail }) => errors.push([detail.action, detail.code]));
    server.error = ({ action }) => action === "rooms" && { code: "unknown_action" };
    subscribe("a");
    await time.pass(SECOND);
    chat.rooms();
    await time.pass(SECOND);
    assert.deepEqual(errors, [["rooms", "unknown_action"]]);
    server.error = () => null;
    server.socket.cut();
    await time.pass(MINUTE);
    assert.deepEqual(looks(), [["a"]]);
  });

  it("is another user's after a token of another user", async () => {
    subscribe("a");
    server.subscriptions.add("eve", "b");
    chat.rooms();
    await time.pass(SECOND);
    server.userOf = () => "eve";
    server.socket.cut();
    await time.pass(MINUTE);
    assert.deepEqual(looks(), [["b"]]);
  });
});

describe("notices", () => {
  beforeEach(async () => {
    for (const room of ["a", "b"]) await say(room);
    subscribe("a", "b");
    for (const room of ["a", "a", "b"]) await say(room);
    chat.rooms();
    await time.pass(SECOND);
  });

  it("tell what another device has read", async () => {
    assert.deepEqual(looks("unread", "read"), [["b", 1, 1], ["a", 2, 1]]);
    server.subscriptions.mark("ada", "a", 2);
    await time.pass(SECOND);
    assert.deepEqual(looks("unread", "read"), [["b", 1, 1], ["a", 1, 2]]);
    assert.equal(server.requests("rooms").length, 1);
  });

  it("tell of a new subscription, whose newest message is then read, and of its end", async () => {
    await say("c", "news");
    server.subscriptions.add("ada", "c");
    await time.pass(SECOND);
    assert.equal(chat.rooms().list[0].newest.message, "news");
    server.subscriptions.remove("ada", "c");
    server.subscriptions.remove("ada", "nowhere");
    await time.pass(SECOND);
    assert.deepEqual(looks(), [["b"], ["a"]]);
  });

  it("that come while the list is being read are not undone by it", async () => {
    server.delayOut = ({ rooms }) => (rooms ? 500 : 1);
    server.socket.cut();
    while (server.requests("rooms").length < 2) await time.pass(10);
    server.subscriptions.remove("ada", "b");
    server.subscriptions.mark("ada", "a", 3);
    await time.pass(MINUTE);
    assert.deepEqual(looks("unread"), [["a", 0]]);
  });

  it("that are malformed are ignored", async () => {
    const before = looks("unread");
    for (const fields of [{}, { room: "a" }, { room: "a", read: -1, unread: 0 }, { room: 7, subscribed: false }]) {
      server.socket.push({ type: "notice", ...fields });
    }
    await time.pass(SECOND);
    assert.deepEqual(looks("unread"), before);
  });
});

describe("the places in joined rooms", () => {
  let room;
  const place = (name = "general") => chat.rooms().list.find((each) => each.room === name);

  beforeEach(async () => {
    await say("general", "one");
    await say("other", "one");
    subscribe("general", "other");
    chat.rooms();
    ({ room } = await client.join("general"));
  });

  it("count the messages of others as they come, each once", async () => {
    server.isDuplicated = () => true;
    for (const text of ["two", "three"]) await say("general", text);
    await time.pass(SECOND);
    assert.deepEqual([place().unread, place().newest.message, place().seq], [2, "three", 3]);
    assert.equal(chat.rooms().list[0].room, "general");
  });

  it("do not count changes, and show no text that is deleted", async () => {
    const seq = await say("general", "two");
    server.change("general", 1, { action: "react", reaction: "👍" });
    server.change("general", seq, { action: "edit", message: "new" });
    await time.pass(SECOND);
    assert.deepEqual([place().unread, place().newest.message], [1, "new"]);
    server.change("general", seq, { action: "delete" });
    await time.pass(SECOND);
    assert.deepEqual([place().unread, place().newest.message, place().newest.deleted], [1, "", true]);
  });

  it("have nothing unread once the user has written", async () => {
    await say("general", "two");
    await time.pass(SECOND);
    room.send("mine");
    await time.pass(SECOND);
    assert.deepEqual([place().unread, place().read], [0, 3]);
    await say("general", "four");
    await time.pass(SECOND);
    assert.deepEqual([place().unread, place().read], [1, 3]);
  });

  it("count a mark at once, before the server has it", async () => {
    for (const text of ["two", "three", "four"]) await say("general", text);
    await time.pass(SECOND);
    server.isLost = (way, { action }) => action === "read";
    room.read(3);
    assert.deepEqual([place().unread, place().read], [1, 3]);
    room.read(2);
    assert.deepEqual([place().unread, place().read], [1, 3]);
    server.isLost = () => false;
    server.socket.cut();
    await time.pass(MINUTE);
    assert.deepEqual([place().unread, place().read, server.subscriptions.of("ada").get("general").read], [1, 3, 3]);
  });

  it("are right if the list is read while a mark waits and messages come", async () => {
    for (const text of ["two", "three", "four"]) await say("general", text);
    await time.pass(SECOND);
    server.delayIn = ({ action }) => (action === "read" ? 30 * SECOND : 1);
    room.read(4);
    server.subscriptions.add("ada", "third");
    await say("general", "five");
    await time.pass(2 * SECOND);
    assert.deepEqual([place().unread, place().read, place().seq], [1, 4, 5]);
    await time.pass(MINUTE);
    assert.deepEqual([place().unread, place().read, place().seq], [1, 4, 5]);
  });

  it("count a mark that waits, also in a list that is read later", async () => {
    await say("general", "two");
    await time.pass(SECOND);
    const other = new Client(server, { client: "ada" });
    const { room: elsewhere } = await other.join("general");
    await say("general", "three");
    await time.pass(SECOND);
    server.delayIn = ({ action }) => (action === "read" ? 5 * SECOND : 1);
    elsewhere.read(2);
    const list = other.chat.rooms();
    await time.pass(SECOND);
    const { read: upTo, unread } = list.list.find((each) => each.room === "general");
    assert.deepEqual([upTo, unread], [2, 1]);
  });

  it("take a mark back that the server does not accept", async () => {
    await say("general", "two");
    await time.pass(SECOND);
    server.error = ({ action }) => action === "read" && { code: "forbidden" };
    room.read(2).catch(() => {});
    assert.equal(place().unread, 0);
    await time.pass(SECOND);
    assert.deepEqual([place().unread, place().read], [1, 1]);
  });

  it("come and go with the subscription", async () => {
    room.unsubscribe();
    await time.pass(SECOND);
    assert.equal(place(), undefined);
    room.subscribe({ muted: true });
    await time.pass(SECOND);
    assert.deepEqual([place().muted, place().unread, place().newest.message], [true, 0, "one"]);
  });

  it("go if the server knows no subscription", async () => {
    server.subscriptions.noticeDelay = () => 10 * MINUTE;
    server.subscriptions.remove("ada", "general");
    await say("general", "two");
    await time.pass(SECOND);
    room.read(2).catch(() => {});
    await time.pass(SECOND);
    assert.deepEqual([place(), place("other").unread], [undefined, 0]);
  });

  it("are those of the new log after a reset", async () => {
    for (const text of ["two", "three"]) await say("general", text);
    await time.pass(SECOND);
    server.forget();
    server.subscriptions.of("ada").clear();
    server.say("general", "again");
    subscribe("general");
    server.say("general", "and more");
    server.socket.cut();
    await time.pass(MINUTE);
    assert.deepEqual([place().unread, place().read, place().seq, place().newest.message], [1, 1, 2, "and more"]);
  });
});
