import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Conversation } from "../../page/room-model.js";
import { FakeChat } from "../support/fakes.js";

const at = "2026-01-01T12:00:00.000Z";
const said = (seq) => ({ seq, id: `id-${seq}`, user: "u-bob", name: "Bob", message: `bob ${seq}`, at });
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => said(from + index));

/** After all promises, and the timers of no length that they set. */
async function soon() {
  for (let round = 0; round < 2; round++) await new Promise((resolve) => setTimeout(resolve));
}

let chat, conversation, room, changes;
const texts = () => conversation.entries.map(({ text }) => text);

function enter(unsent) {
  chat = new FakeChat(unsent);
  conversation = new Conversation(chat, "general");
  room = chat.room;
  changes = [];
  conversation.addEventListener("change", ({ detail }) => changes.push(detail));
}

beforeEach(() => enter());

describe("entering", () => {
  it("begins with what was said before, which is no news, and is told of once", async () => {
    room.begins(...range(5, 7));
    await soon();
    assert.deepEqual(texts(), ["bob 5", "bob 6", "bob 7"]);
    assert.ok(conversation.entries.every(({ live }) => !live));
    assert.equal(conversation.earlier, "more");
    assert.equal(changes.reduce((sum, fresh) => sum + fresh), 0);
    assert.ok(changes.length <= 2);
  });

  it("counts what others say from then on, a run at a time", async () => {
    room.begins();
    await soon();
    changes = [];
    for (const message of range(1, 3)) room.tells("message", message);
    await soon();
    assert.deepEqual(changes, [3]);
    assert.ok(conversation.entries.every(({ live }) => live));
  });

  it("knows the start of a room's history when it sees it", async () => {
    room.begins(said(1), said(2));
    await soon();
    assert.equal(conversation.earlier, "start");
    enter();
    room.begins();
    await soon();
    assert.equal(conversation.earlier, "start");
  });

  it("shows at once what was not sent before a reload, and waits for it", async () => {
    enter([{ id: "r1", message: "from before" }]);
    assert.deepEqual(conversation.entries.map(({ text, delivery }) => [text, delivery]), [["from before", "sending"]]);
    assert.equal(conversation.earlier, "joining");
    room.begins(said(1));
    room.acknowledges({ id: "r1", seq: 2, at });
    await soon();
    assert.deepEqual(conversation.entries.map(({ delivery }) => delivery), ["sent", "sent"]);
  });

  it("says so when the room would not let one in", async () => {
    room.admitted.reject({ code: "forbidden" });
    await soon();
    room.tells("state", { state: "left", code: "closed" });
    assert.deepEqual(texts(), ["You may not enter this room, or not now."]);
    assert.equal(conversation.earlier, "outside");
    assert.equal(conversation.outside, texts()[0]);
  });

  it("says so when the room does not let one stay", async () => {
    room.begins(said(1));
    await soon();
    room.tells("state", { state: "left", code: "forbidden" });
    assert.deepEqual(texts(), ["bob 1", "You may not enter this room, or not now."]);
  });
});

describe("scrolling back", () => {
  it("puts page above page until there is no more", async () => {
    room.begins(...range(5, 6));
    await soon();
    for (const [from, to, more] of [[3, 4, true], [2, 2, false]]) {
      conversation.loadEarlier();
      await soon();
      assert.equal(conversation.earlier, "loading");
      assert.equal(room.histories.at(-1).before, to + 1);
      room.histories.at(-1).resolve({ messages: range(from, to), more });
      await soon();
    }
    assert.deepEqual(texts(), ["bob 2", "bob 3", "bob 4", "bob 5", "bob 6"]);
    assert.equal(conversation.earlier, "start");
  });

  it("asks for one page at a time, and for none beyond the start", async () => {
    room.begins(said(5));
    await soon();
    conversation.loadEarlier();
    conversation.loadEarlier();
    await soon();
    assert.equal(room.histories.length, 1);
    room.histories[0].resolve({ messages: range(1, 4), more: false });
    await soon();
    conversation.loadEarlier();
    await soon();
    assert.equal(room.histories.length, 1);
  });

  it("goes on behind a page without messages", async () => {
    room.begins(said(5));
    await soon();
    conversation.loadEarlier();
    await soon();
    room.histories[0].resolve({ messages: [], more: true, before: 3 });
    await soon();
    assert.equal(room.histories[1].before, 3);
    room.histories[1].resolve({ messages: range(1, 2), more: false });
    await soon();
    assert.deepEqual(texts(), ["bob 1", "bob 2", "bob 5"]);
  });

  it("says so when it may not", async () => {
    room.begins(said(5));
    await soon();
    conversation.loadEarlier();
    await soon();
    room.histories[0].reject({ code: "forbidden" });
    await soon();
    assert.equal(conversation.earlier, "failed");
  });

  it("drops a page of a log that has begun anew meanwhile", async () => {
    room.begins(said(5));
    await soon();
    conversation.loadEarlier();
    await soon();
    room.tells("reset", {});
    room.histories[0].resolve({ messages: range(3, 4), more: false });
    await soon();
    assert.deepEqual(texts(), ["bob 5", "This room's history has begun anew."]);
  });

  it("can go back again to what was forgotten", async () => {
    room.begins(...range(1, 600));
    await soon();
    assert.equal(conversation.earlier, "start");
    conversation.forget();
    assert.equal(conversation.earlier, "more");
    conversation.loadEarlier();
    await soon();
    assert.equal(room.histories[0].before, 101);
  });
});

describe("what the room tells", () => {
  beforeEach(async () => {
    room.begins(said(1));
    await soon();
  });

  it("has a line for messages that are lost", () => {
    room.tells("lost", { from: 2, to: 3 });
    room.tells("message", said(4));
    assert.deepEqual(texts(), ["bob 1", "Some messages could not be loaded.", "bob 4"]);
  });

  it("keeps what was there when the log begins anew", () => {
    room.tells("reset", {});
    room.tells("message", { ...said(1), id: "another", message: "anew" });
    assert.deepEqual(texts(), ["bob 1", "This room's history has begun anew.", "anew"]);
  });
});

describe("writing", () => {
  beforeEach(async () => {
    room.begins();
    await soon();
  });

  it("shows a message as sending, then as sent", async () => {
    conversation.write("Hi");
    const [{ ref }] = room.sends;
    assert.deepEqual(conversation.entries.map(({ delivery }) => delivery), ["sending"]);
    room.acknowledges({ id: ref, seq: 1, at });
    assert.deepEqual(conversation.entries.map(({ delivery }) => delivery), ["sent"]);
    room.tells("message", { ...said(1), id: ref, user: room.user, message: "Hi" });
    await soon();
    assert.deepEqual(texts(), ["Hi"]);
    assert.equal(changes.reduce((sum, fresh) => sum + fresh), 0);
  });

  it("shows why a message was refused, and sends it once more under the same ref", async () => {
    conversation.write("Hi");
    room.refuses(room.sends[0].ref, "forbidden");
    await soon();
    const [refused] = conversation.entries;
    assert.deepEqual([refused.delivery, refused.code], ["failed", "forbidden"]);
    conversation.write(refused.text, refused.id);
    assert.equal(room.sends[1].ref, room.sends[0].ref);
    assert.deepEqual(conversation.entries.map(({ delivery }) => delivery), ["sending"]);
  });

  it("shows how long a message has to wait, if that is for more than a moment", () => {
    conversation.write("Hi");
    const [{ ref: id }] = room.sends;
    room.tells("delayed", { id, code: "rate_limited", detail: "", retryAfter: 0.1 });
    assert.equal(conversation.entries[0].waits, null);
    room.tells("delayed", { id, code: "rate_limited", detail: "", retryAfter: 3600 });
    const seconds = (conversation.entries[0].waits - Date.now()) / 1000;
    assert.ok(seconds > 3500 && seconds <= 3600);
  });

  it("shows a message that was not even taken, because too many wait", async () => {
    conversation.write("Hi");
    room.sends[0].reject({ code: "queue_full" });
    await soon();
    assert.deepEqual(conversation.entries.map(({ code }) => code), ["queue_full"]);
  });
});

describe("who is there", () => {
  const people = (...names) =>
    new Map(names.map((name) => ({ user: `u-${name.toLowerCase()}`, name })).map((person) => [person.user, person]));

  it("is unknown until the room tells", () => {
    assert.equal(conversation.people, undefined);
  });

  it("has oneself first, and the others by their names", async () => {
    room.begins();
    room.tells("presence", { count: 3, approximate: false, members: people("Bob", "Ada", "aaron") });
    const { count, members } = conversation.people;
    assert.equal(count, 3);
    assert.deepEqual(members.map(({ name, mine }) => [name, mine]), [["Ada", true], ["aaron", false], ["Bob", false]]);
  });

  it("is a number in a crowd", () => {
    room.begins();
    room.tells("presence", { count: 1204, approximate: true, members: null });
    assert.deepEqual(conversation.people, { count: 1204, approximate: true, members: [] });
  });

  it("has who is writing, and tells the others that one is", () => {
    room.begins();
    room.tells("typing", [{ user: "u-bob", name: "Bob" }]);
    assert.deepEqual(conversation.writers.map(({ name }) => name), ["Bob"]);
    conversation.typing();
    assert.equal(room.typed, 1);
  });
});

describe("what moderators do", () => {
  const later = new Date(Date.now() + 600_000).toISOString();
  const tells = (act) => room.tells("moderated", { moderator: "Mia", ...act });

  beforeEach(() => room.begins(said(1)));

  it("is a line, with the name of whom it is done to", () => {
    tells({ action: "ban", user: "u-bob", until: later });
    assert.match(texts()[1], /^Mia sent Bob out until /);
    tells({ action: "mute", user: "u-nobody-knows", until: later });
    assert.match(texts()[2], /^Mia muted somebody until /);
  });

  it("is no line where nobody knows what it means", () => {
    tells({ action: "applaud" });
    assert.deepEqual(texts(), ["bob 1"]);
  });

  it("puts one out, with the reason and until when", async () => {
    tells({ action: "ban", user: "u-ada", until: later });
    room.tells("state", { state: "left", code: "banned" });
    await soon();
    assert.match(conversation.outside, /^Mia sent you out until /);
    assert.deepEqual(texts(), ["bob 1", conversation.outside]);
    assert.equal(conversation.people, undefined);
  });

  it("takes the text of a message", () => {
    room.tells("changed", { ...said(1), message: "", deleted: true });
    assert.deepEqual(conversation.entries.map(({ text, deleted }) => [text, deleted]), [["", true]]);
  });

  for (const [name, act, code] of [
    ["the room is closed", { action: "lock", locked: true }, "room_locked"],
    ["the room is open again", { action: "lock", locked: false }, "forbidden"],
    ["one is muted", { action: "mute", user: "u-ada", until: later }, "muted"],
    ["another is muted", { action: "mute", user: "u-bob", until: later }, "forbidden"],
    ["one may write again", { action: "mute", user: "u-ada", until: "2026-01-01T00:00:00Z" }, "forbidden"],
  ]) {
    it(`explains why one cannot write when ${name}`, async () => {
      tells(act);
      conversation.write("Hi");
      room.refuses(room.sends[0].ref, "forbidden");
      await soon();
      assert.equal(conversation.entries.at(-1).code, code);
    });
  }

  it("can be done here", async () => {
    const [message] = conversation.entries;
    for (const act of ["delete", "mute", "ban"]) await conversation.moderate(act, message);
    assert.deepEqual(room.acts, [["delete", 1], ["mute", "u-bob", 600], ["ban", "u-bob", 600]]);
  });

  it("says so where one may not", async () => {
    room.forbids = true;
    await conversation.moderate("delete", conversation.entries[0]);
    assert.deepEqual(texts(), ["bob 1", "Only a moderator can do that."]);
  });
});

describe("leaving", () => {
  let over;

  beforeEach(async () => {
    over = false;
    conversation.addEventListener("over", () => (over = true));
    room.begins();
    await soon();
  });

  it("is at once where nothing waits to be sent", () => {
    conversation.leave();
    assert.deepEqual([room.left, over], [true, true]);
  });

  it("waits for what was written", () => {
    conversation.write("one");
    conversation.write("two");
    const [one, two] = room.sends;
    conversation.leave();
    room.acknowledges({ id: one.ref, seq: 1, at });
    assert.equal(room.left, false);
    room.refuses(two.ref, "forbidden");
    assert.deepEqual([room.left, over], [true, true]);
  });

  it("is at once from outside, where nothing can be sent", () => {
    conversation.write("one");
    room.tells("state", { state: "left", code: "banned" });
    conversation.leave();
    assert.equal(over, true);
  });

  it("is off when one comes back before that", () => {
    conversation.write("one");
    conversation.leave();
    conversation.stay();
    room.acknowledges({ id: room.sends[0].ref, seq: 1, at });
    assert.deepEqual([room.left, over], [false, false]);
  });
});
