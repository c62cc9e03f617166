import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { RoomModel } from "../../../../page/state/room/room-model.js";
import { MAX_ENTRIES } from "../../../../page/state/room/timeline.js";
import { FakeChat } from "../../../support/page/fake-chat.js";

const at = "2026-01-01T12:00:00.000Z";
const bobs = (seq) => ({ seq, id: `id-${seq}`, user: "u-bob", name: "Bob", message: `bob ${seq}`, at });
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => bobs(from + index));

/** Resolves after all promises, and the timers without delay that they set. */
async function soon() {
  for (let round = 0; round < 2; round++) await new Promise((resolve) => setTimeout(resolve));
}

let chat, model, room, changes;
const texts = () => model.entries.map(({ text }) => text);

function enter(unsent) {
  chat = new FakeChat(unsent);
  model = new RoomModel(chat, "general");
  room = chat.room;
  changes = 0;
  model.addEventListener("change", () => changes++);
}

beforeEach(() => enter());

describe("entering", () => {
  it("shows the history, and not as new", async () => {
    room.begin(...range(5, 7));
    await soon();
    assert.deepEqual(texts(), ["bob 5", "bob 6", "bob 7"]);
    assert.ok(model.entries.every(({ live }) => !live));
    assert.equal(model.history.earlier, "more");
    assert.equal(model.reading.unseen(model.entries), 0);
  });

  it("counts the new messages of others, and tells each change at once", async () => {
    room.begin();
    await soon();
    changes = 0;
    for (const message of range(1, 3)) room.emit("message", message);
    assert.deepEqual([changes, model.reading.unseen(model.entries)], [3, 3]);
    assert.ok(model.entries.every(({ live }) => live));
  });

  it("recognizes the start of a room's history", async () => {
    room.begin(bobs(1), bobs(2));
    await soon();
    assert.equal(model.history.earlier, "start");
    enter();
    room.begin();
    await soon();
    assert.equal(model.history.earlier, "start");
  });

  it("shows the unsent messages of before a reload at once", async () => {
    enter([{ id: "r1", message: "from before" }]);
    assert.deepEqual(model.entries.map(({ text, delivery }) => [text, delivery]), [["from before", "sending"]]);
    assert.equal(model.history.earlier, "joining");
    room.begin(bobs(1));
    room.acknowledge({ id: "r1", seq: 2, at });
    await soon();
    assert.deepEqual(model.entries.map(({ delivery }) => delivery), ["sent", "sent"]);
  });

  it("says why the user cannot join", async () => {
    room.joining.reject({ code: "forbidden" });
    await soon();
    room.emit("state", { state: "left", code: "closed" });
    assert.deepEqual(texts(), []);
    assert.equal(model.history.earlier, "absent");
    assert.equal(model.absence, "You may not enter this room, or not now.");
  });

  it("says why the user has left", async () => {
    room.begin(bobs(1));
    await soon();
    room.emit("state", { state: "left", code: "forbidden" });
    assert.equal(model.absence, "You may not enter this room, or not now.");
    assert.deepEqual(texts(), ["bob 1"]);
  });
});

describe("scrolling back", () => {
  it("puts page above page until the start", async () => {
    room.begin(...range(5, 6));
    await soon();
    for (const [from, to, more] of [[3, 4, true], [2, 2, false]]) {
      model.history.loadEarlier();
      await soon();
      assert.equal(model.history.earlier, "loading");
      const { before, limit } = room.histories.at(-1);
      assert.deepEqual([before, limit], [to + 1, 200]);
      room.histories.at(-1).resolve({ messages: range(from, to), more });
      await soon();
    }
    assert.deepEqual(texts(), ["bob 2", "bob 3", "bob 4", "bob 5", "bob 6"]);
    assert.equal(model.history.earlier, "start");
  });

  it("loads one page at a time, and none beyond the start", async () => {
    room.begin(bobs(5));
    await soon();
    model.history.loadEarlier();
    model.history.loadEarlier();
    await soon();
    assert.equal(room.histories.length, 1);
    room.histories[0].resolve({ messages: range(1, 4), more: false });
    await soon();
    model.history.loadEarlier();
    await soon();
    assert.equal(room.histories.length, 1);
  });

  it("goes on after a page without messages", async () => {
    room.begin(bobs(5));
    await soon();
    model.history.loadEarlier();
    await soon();
    room.histories[0].resolve({ messages: [], more: true, before: 3 });
    await soon();
    assert.equal(room.histories[1].before, 3);
    room.histories[1].resolve({ messages: range(1, 2), more: false });
    await soon();
    assert.deepEqual(texts(), ["bob 1", "bob 2", "bob 5"]);
  });

  it("says that it failed, and can be tried again", async () => {
    room.begin(bobs(5));
    await soon();
    model.history.loadEarlier();
    await soon();
    room.histories[0].reject({ code: "forbidden" });
    await soon();
    assert.equal(model.history.earlier, "failed");
    model.history.loadEarlier();
    room.histories[1].resolve({ messages: range(3, 4), more: false });
    await soon();
    assert.deepEqual([texts().length, model.history.earlier], [3, "start"]);
  });

  it("drops a page if the log was reset meanwhile", async () => {
    room.begin(bobs(5));
    await soon();
    model.history.loadEarlier();
    await soon();
    room.emit("reset", {});
    room.histories[0].resolve({ messages: range(3, 4), more: false });
    await soon();
    assert.deepEqual(texts(), ["bob 5", "This room's history begins again here."]);
  });

  it("can load dropped entries again", async () => {
    room.begin(...range(1, MAX_ENTRIES + 100));
    await soon();
    assert.equal(model.history.earlier, "start");
    model.trim();
    assert.equal(model.history.earlier, "more");
    model.history.loadEarlier();
    await soon();
    assert.equal(room.histories[0].before, 101);
  });
});

describe("the log", () => {
  beforeEach(async () => {
    room.begin(bobs(1));
    await soon();
  });

  it("has a line for messages that are lost", () => {
    room.emit("lost", { from: 2, to: 3 });
    room.emit("message", bobs(4));
    assert.deepEqual(texts(), ["bob 1", "Some messages could not be loaded.", "bob 4"]);
  });

  it("keeps the entries when the log is reset", () => {
    room.emit("reset", {});
    room.emit("message", { ...bobs(1), id: "another", message: "again" });
    assert.deepEqual(texts(), ["bob 1", "This room's history begins again here.", "again"]);
  });
});

describe("members", () => {
  const people = (...names) =>
    new Map(names.map((name) => ({ user: `u-${name.toLowerCase()}`, name })).map((person) => [person.user, person]));

  it("are unknown until the first presence event", () => {
    assert.equal(model.members, undefined);
  });

  it("are listed by name, the user first", async () => {
    room.begin();
    room.emit("presence", { count: 3, approximate: false, members: people("Bob", "Ada", "aaron") });
    const { count, people: listed } = model.members;
    assert.equal(count, 3);
    assert.deepEqual(listed.map(({ name, mine }) => [name, mine]), [["Ada", true], ["aaron", false], ["Bob", false]]);
  });

  it("are told apart if two have one name, as soon as both are known", async () => {
    room.emit("presence", { count: 2, approximate: false, members: people("Bob", "Person 10", "Person 2") });
    assert.deepEqual(model.members.people.map(({ name, tag }) => name + tag), ["Bob", "Person 2", "Person 10"]);
    const { members, names } = model;
    const { version } = names;
    room.emit("message", { ...bobs(1), user: "c81e728d" });
    assert.deepEqual(model.members.people.map(({ tag }) => tag), ["-bob", "", ""]);
    assert.notEqual(model.members, members);
    assert.notEqual(names.version, version);
    room.emit("typing", [{ user: "c81e728d", name: "Bob" }]);
    assert.deepEqual(model.typing.map(({ tag }) => tag), ["728d"]);
  });

  it("are only a count above the presence limit", () => {
    room.begin();
    room.emit("presence", { count: 1204, approximate: true, members: null });
    assert.deepEqual(model.members, { count: 1204, approximate: true, people: [] });
  });

  it("show who is typing", () => {
    room.begin();
    room.emit("typing", [{ user: "u-bob", name: "Bob" }]);
    assert.deepEqual(model.typing.map(({ name }) => name), ["Bob"]);
    model.sendTyping();
    assert.equal(room.typingCalls, 1);
  });
});
