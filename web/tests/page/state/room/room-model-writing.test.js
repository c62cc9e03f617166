import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { RoomModel } from "../../../../page/state/room/room-model.js";
import { FakeChat } from "../../../support/page/fake-chat.js";

const at = "2026-01-01T12:00:00.000Z";
const bobs = (seq) => ({ seq, id: `id-${seq}`, user: "u-bob", name: "Bob", message: `bob ${seq}`, at });

/** Resolves after all promises, and the timers without delay that they set. */
async function soon() {
  for (let round = 0; round < 2; round++) await new Promise((resolve) => setTimeout(resolve));
}

let chat, model, room;
const texts = () => model.entries.map(({ text }) => text);

function enter(unsent) {
  chat = new FakeChat(unsent);
  model = new RoomModel(chat, "general");
  room = chat.room;
}

beforeEach(() => enter());

describe("writing", () => {
  beforeEach(async () => {
    room.begin();
    await soon();
  });

  it("shows a message as sending, then as sent", async () => {
    model.write("Hi");
    const [{ ref }] = room.sends;
    assert.deepEqual(model.entries.map(({ delivery }) => delivery), ["sending"]);
    room.acknowledge({ id: ref, seq: 1, at });
    assert.deepEqual(model.entries.map(({ delivery }) => delivery), ["sent"]);
    room.emit("message", { ...bobs(1), id: ref, user: room.user, message: "Hi" });
    await soon();
    assert.deepEqual(texts(), ["Hi"]);
    assert.equal(model.reading.unseen(model.entries), 0);
  });

  it("shows why a message failed, and sends it again with the same ref", async () => {
    model.write("Hi");
    room.fail(room.sends[0].ref, "forbidden");
    await soon();
    const [failed] = model.entries;
    assert.deepEqual([failed.delivery, failed.code], ["failed", "forbidden"]);
    model.write(failed.text, failed.id);
    assert.equal(room.sends[1].ref, room.sends[0].ref);
    assert.deepEqual(model.entries.map(({ delivery }) => delivery), ["sending"]);
  });

  it("sends who is mentioned, also when it is sent again after they have left", () => {
    const members = (...names) => new Map(names.map((name) => [`u-${name}`, { user: `u-${name}`, name }]));
    const here = (...names) => room.emit("presence", { count: names.length, approximate: false, members: members(...names) });
    here("ada", "bob", "cy");
    model.write("@bob and @ada");
    here("ada");
    room.fail(room.sends[0].ref, "forbidden");
    model.write("@bob and @ada", room.sends[0].ref);
    assert.deepEqual(room.sends.map(({ mentions }) => mentions), [["u-bob"], ["u-bob"]]);
    assert.deepEqual(model.entries.map(({ mentions }) => mentions), [["u-bob"]]);
    model.write("@cy", undefined, [{ user: "u-cy", name: "cy", tag: "", mine: false }]);
    assert.deepEqual(room.sends[2].mentions, ["u-cy"]);
  });

  it("shows how long a message has to wait, except for a moment", () => {
    model.write("Hi");
    const [{ ref: id }] = room.sends;
    room.emit("delayed", { id, code: "rate_limited", detail: "", retryAfter: 0.1 });
    assert.equal(model.entries[0].waitsUntil, null);
    room.emit("delayed", { id, code: "rate_limited", detail: "", retryAfter: 3600 });
    const seconds = (model.entries[0].waitsUntil - Date.now()) / 1000;
    assert.ok(seconds > 3500 && seconds <= 3600);
  });

  it("shows a message that fails because too many wait", async () => {
    model.write("Hi");
    room.sends[0].reject({ code: "queue_full" });
    await soon();
    assert.deepEqual(model.entries.map(({ code }) => code), ["queue_full"]);
  });
});

describe("slow mode", () => {
  const minutes = (milliseconds) => Math.round((milliseconds - Date.now()) / 60_000);

  it("says when the next message goes, after one that was sent and after one that waits", () => {
    room.begin();
    room.rules = { slowMode: 600, moderator: false };
    assert.equal(model.slowMode.until, 0);
    room.emit("sent", { id: "change", seq: 2, of: 1 });
    assert.equal(model.slowMode.until, 0);
    room.emit("sent", { id: "x", seq: 1, at });
    assert.equal(minutes(model.slowMode.until), 10);
    room.emit("delayed", { id: "y", code: "rate_limited", retryAfter: 300 });
    assert.equal(minutes(model.slowMode.until), 5);
    room.rules = { slowMode: 600, moderator: true };
    assert.equal(model.slowMode.until, 0);
  });
});

describe("moderation", () => {
  const later = new Date(Date.now() + 600_000).toISOString();
  const moderate = (fields) => room.emit("moderated", { moderator: "Mia", ...fields });

  beforeEach(() => room.begin(bobs(1)));

  it("adds a note with the user's name", () => {
    moderate({ action: "ban", user: "u-bob", until: later, seconds: 600, expiresIn: 600 });
    assert.match(texts()[1], /^Mia banned Bob until /);
    moderate({ action: "mute", user: "u-nobody-knows", until: later, seconds: 600, expiresIn: 600 });
    assert.match(texts()[2], /^Mia muted somebody until /);
  });

  it("adds no note for an unknown action", () => {
    moderate({ action: "applaud" });
    assert.deepEqual(texts(), ["bob 1"]);
  });

  it("shows the user's own ban, and until when", async () => {
    moderate({ action: "ban", user: "u-ada", until: later, seconds: 600, expiresIn: 600 });
    room.emit("state", { state: "left", code: "banned" });
    await soon();
    assert.match(model.absence, /^Mia banned you until /);
    assert.deepEqual(texts(), ["bob 1"]); // It is said where the field was, and not twice.
    assert.equal(model.members, undefined);
  });

  for (const [name, rules, code] of [
    ["the room is locked", { locked: true, mutedUntil: null }, "room_locked"],
    ["the user is muted", { locked: false, mutedUntil: new Date(later) }, "muted"],
    ["there is another reason", { locked: false, mutedUntil: null }, "forbidden"],
    ["the rules are not known", undefined, "forbidden"],
  ]) {
    it(`explains an error when ${name}`, async () => {
      room.rules = rules;
      model.write("Hi");
      room.fail(room.sends[0].ref, "forbidden");
      await soon();
      assert.equal(model.entries.at(-1).code, code);
    });
  }

  it("shows new rules", async () => {
    let changes = 0;
    model.addEventListener("change", () => changes++);
    room.rules = { mayWrite: false, locked: true, mutedUntil: null };
    room.emit("rules", room.rules);
    await soon();
    assert.deepEqual([changes, model.rules], [1, room.rules]);
  });

  it("can be done from the page, and taken back", async () => {
    for (const action of ["mute", "ban"]) await model.moderation.act({ action, user: "u-bob", seconds: 600 });
    await model.moderation.act({ action: "mute", user: "u-bob" });
    await model.moderation.act({ action: "slow_mode", seconds: 30 });
    await model.moderation.act({ action: "lock", locked: true });
    assert.deepEqual(room.actions, [
      ["mute", "u-bob", 600], ["ban", "u-bob", 600], ["mute", "u-bob", 0], ["slow_mode", 30], ["lock", true],
    ]);
  });

  it("says that it is forbidden", async () => {
    room.forbidsModeration = true;
    await model.moderation.act({ action: "mute", user: "u-bob", seconds: 600 });
    assert.deepEqual(texts(), ["bob 1", "Only a moderator can do that."]);
  });
});

describe("changes", () => {
  beforeEach(() => room.begin(bobs(1)));

  it("are asked for from the page", () => {
    const [message] = model.entries;
    model.acts.do({ action: "edit", message, text: "new" });
    model.acts.do({ action: "edit", message, text: message.text });
    model.acts.do({ action: "react", message, reaction: "👍" });
    assert.deepEqual(room.actions, [["edit", 1, "new"], ["react", 1, "👍", true]]);
  });

  it("by a deletion can be undone for a while, and are sent if the user leaves", () => {
    const [message] = model.entries;
    model.acts.do({ action: "delete", message });
    room.emit("reactions", { ...bobs(1), reactions: [] });
    assert.equal(model.entries[0].undoable, true);
    model.acts.do({ action: "undo", message });
    assert.equal(model.entries[0].undoable, false);
    model.acts.do({ action: "delete", message });
    assert.deepEqual(room.actions, []);
    model.leave();
    assert.deepEqual(room.actions, [["delete", 1]]);
  });

  it("take the user's own reaction back", () => {
    room.emit("reactions", { ...bobs(1), reactions: [{ reaction: "👍", count: 2, people: [{ user: "u-ada", name: "Ada" }] }] });
    const [message] = model.entries;
    assert.deepEqual(message.reactions, [{ reaction: "👍", count: 2, mine: true, names: ["Ada"] }]);
    model.acts.do({ action: "react", message, reaction: "👍" });
    model.acts.do({ action: "react", message, reaction: "🎉" });
    assert.deepEqual(room.actions, [["react", 1, "👍", false], ["react", 1, "🎉", true]]);
  });

  it("are shown", () => {
    room.emit("changed", { ...bobs(1), message: "new", editedAt: "2026-01-01T13:00:00Z", pending: true });
    const looks = () => model.entries.map(({ text, editedAt, deleted, changing }) => [text, editedAt, deleted, changing]);
    assert.deepEqual(looks(), [["new", "2026-01-01T13:00:00Z", false, true]]);
    room.emit("changed", { ...bobs(1), message: "", deleted: true });
    assert.deepEqual(looks(), [["", "", true, false]]);
  });

  it("that fail are explained", () => {
    room.emit("failed", { id: "c1", action: "edit", of: 1, code: "forbidden", detail: "" });
    room.emit("failed", { id: "c2", action: "react", of: 1, code: "rate_limited", detail: "" });
    assert.deepEqual(texts().slice(1), [
      "Your edit was not saved. You may not do that here, or not now.",
      "Your reaction was not saved. You are writing faster than this room allows. Wait a moment.",
    ]);
  });

  it("are waited for before the room is left", () => {
    room.pendingChanges = [{ id: "c1", action: "delete", seq: 1 }];
    model.leave();
    assert.equal(room.left, false);
    room.pendingChanges = [];
    room.emit("sent", { id: "c1", seq: 2, of: 1, at });
    assert.equal(room.left, true);
  });
});

describe("leaving", () => {
  let hasLeft;

  beforeEach(async () => {
    hasLeft = false;
    model.addEventListener("left", () => (hasLeft = true));
    room.begin();
    await soon();
  });

  it("happens at once if no message waits", () => {
    model.leave();
    assert.deepEqual([room.left, hasLeft], [true, true]);
  });

  it("waits for unsent messages", () => {
    model.write("one");
    model.write("two");
    const [one, two] = room.sends;
    model.leave();
    room.acknowledge({ id: one.ref, seq: 1, at });
    assert.equal(room.left, false);
    room.fail(two.ref, "forbidden");
    assert.deepEqual([room.left, hasLeft], [true, true]);
  });

  it("happens at once if the user is not in the room", () => {
    model.write("one");
    room.emit("state", { state: "left", code: "banned" });
    model.leave();
    assert.equal(hasLeft, true);
  });

  it("is cancelled if the user comes back", () => {
    model.write("one");
    model.leave();
    model.cancelLeave();
    room.acknowledge({ id: room.sends[0].ref, seq: 1, at });
    assert.deepEqual([room.left, hasLeft], [false, false]);
  });
});
