import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { RoomModel } from "../../../../page/state/room/room-model.js";
import { explainFailure } from "../../../../page/words/messages/errors.js";
import { beginning, quotedText } from "../../../../page/words/messages/quote.js";
import { MAX_ENTRIES } from "../../../../page/state/room/timeline.js";
import { FakeChat } from "../../../support/page/fake-chat.js";

const at = "2026-01-01T12:00:00.000Z";
const bobs = (seq, fields) => ({ seq, id: `id-${seq}`, user: "u-bob", name: "Bob", message: `bob ${seq}`, at, ...fields });
const reply = (seq, replyTo) => bobs(seq, { replyTo, root: replyTo });

/** Resolves after all promises, and the timers without delay that they set. */
async function soon() {
  for (let round = 0; round < 2; round++) await new Promise((resolve) => setTimeout(resolve));
}

let model, room, changes;

function enter(unsent) {
  const chat = new FakeChat(unsent);
  model = new RoomModel(chat, "general");
  room = chat.room;
  changes = 0;
  model.addEventListener("change", () => changes++);
}

/** The quotes on the screen: each its author and its words. */
const quotes = () => {
  return model.entries.map(({ quote = null }) => quote && `${quote.mine ? "You" : quote.name}: ${quotedText(quote)}`);
};
const find = async (seq, message) => {
  room.lookups.find((lookup) => lookup.seq === seq).resolve(message);
  await soon();
};

beforeEach(() => enter());

describe("a quote", () => {
  it("has the author and the text of the message that is answered, also one that is not loaded", async () => {
    room.begin(bobs(7), reply(8, 3));
    assert.deepEqual(quotes(), [null, ": Loading…"]);
    await find(3, bobs(3, { name: "Old Bob", message: "long ago" }));
    assert.deepEqual(quotes(), [null, "Old Bob: long ago"]);
  });

  it("says if there is no connection to load it", async () => {
    room.begin(reply(8, 3), reply(9, 4));
    room.enter("joining");
    assert.deepEqual(quotes(), Array(2).fill(": Not loaded yet: there is no connection."));
    room.enter("joined");
    await find(3, bobs(3));
    assert.deepEqual(quotes(), ["Bob: bob 3", ": Loading…"]);
  });

  it("says whether the message is the reader's own", async () => {
    room.begin(reply(8, 3));
    await find(3, bobs(3, { user: room.user, name: "Ada" }));
    assert.deepEqual(quotes(), ["You: bob 3"]);
  });

  it("is as the message is now", async () => {
    room.begin(bobs(1), reply(2, 1), reply(3, 1));
    await find(1, bobs(1));
    room.emit("changed", bobs(1, { message: "new", revision: 4 }));
    assert.deepEqual(quotes(), [null, "Bob: new", "Bob: new"]);
    room.emit("changed", bobs(1, { message: "", deleted: true, revision: 5 }));
    assert.deepEqual(quotes(), [null, "Bob: This message was deleted.", "Bob: This message was deleted."]);
  });

  it("says that the message is gone, or could not be loaded", async () => {
    room.begin(reply(8, 3), reply(9, 4));
    await find(3, null);
    room.lookups.find(({ seq }) => seq === 4)?.reject({ code: "forbidden" });
    await soon();
    assert.deepEqual(quotes(), [": This message is not available any more.", ": This message could not be loaded."]);
  });

  it("is requested once, one after the other, that of the newest reply first", async () => {
    room.begin(reply(7, 1), reply(8, 2), reply(9, 3), reply(10, 2));
    const asked = () => room.lookups.map(({ seq }) => seq);
    assert.deepEqual(asked(), [1]);
    await find(1, bobs(1));
    await find(3, bobs(3));
    await find(2, bobs(2));
    assert.deepEqual(asked(), [1, 3, 2]);
    assert.deepEqual(quotes(), ["Bob: bob 1", "Bob: bob 2", "Bob: bob 3", "Bob: bob 2"]);
  });

  it("counts for a page of earlier messages, too", async () => {
    room.begin(bobs(5));
    await soon();
    model.history.loadEarlier();
    await soon();
    room.histories[0].resolve({ messages: [bobs(3), reply(4, 3)], more: false });
    await soon();
    await find(3, bobs(3));
    assert.deepEqual(quotes(), [null, "Bob: bob 3", null]);
  });

  it("does not draw a reply again if the quoted message changes in another way", async () => {
    room.begin(bobs(1), reply(2, 1));
    await find(1, bobs(1));
    const [, before] = model.entries;
    room.emit("changed", bobs(1, { replies: 1, revision: 2 }));
    room.emit("reactions", bobs(1, { reactions: [{ reaction: "👍", count: 1, people: [] }] }));
    assert.equal(model.entries[1], before);
  });

  it("is forgotten with the last reply that shows it", async () => {
    room.begin(reply(2, 1));
    await find(1, bobs(1));
    for (let seq = 3; seq < MAX_ENTRIES + 3; seq++) room.emit("message", bobs(seq));
    model.trim();
    room.emit("message", reply(MAX_ENTRIES + 3, 1));
    assert.equal(room.lookups.length, 2);
  });

  it("is one line, and the beginning of a long text", () => {
    assert.equal(beginning(" one\n\n\ttwo  three "), "one two three");
    assert.equal(beginning("👩‍👩‍👧".repeat(141)), `${"👩‍👩‍👧".repeat(139)}…`);
    assert.equal(beginning("a".repeat(140)), "a".repeat(140));
  });
});

describe("a quote of an earlier log", () => {
  it("stays as it is: the new log has another message with this number", async () => {
    room.begin(bobs(1), reply(2, 1));
    await find(1, bobs(1));
    room.emit("reset", {});
    room.emit("message", bobs(1, { id: "other", message: "another" }));
    room.emit("message", reply(3, 1));
    await find(1, bobs(1, { id: "other", message: "another" }));
    room.lookups.at(-1).resolve(bobs(1, { id: "other", message: "another" }));
    await soon();
    assert.deepEqual(quotes(), [null, "Bob: bob 1", null, null, "Bob: another"]);
    assert.deepEqual(model.entries.map(({ replyTo }) => replyTo), [0, 0, undefined, 0, 1]);
  });

  it("that was not loaded is gone, also if its reply comes late", async () => {
    room.begin(reply(8, 3));
    room.emit("reset", {});
    await find(3, bobs(3));
    assert.deepEqual(quotes(), [": This message is not available any more.", null]);
  });

  it("is not the one that the user was about to answer", () => {
    room.begin(bobs(1));
    model.answer(1);
    room.emit("reset", {});
    assert.equal(model.answered, null);
  });

  it("cannot be answered again: a reply that had failed is not sent to the new log", async () => {
    room.begin(bobs(1));
    model.answer(1);
    model.write("So do I");
    room.fail(room.sends[0].ref, "queue_full");
    await soon();
    room.emit("reset", {});
    const failed = model.entries.find(({ text }) => text === "So do I");
    assert.deepEqual([failed.code, failed.replyTo], ["invalid_message", 0]);
  });
});

describe("a reply of the user", () => {
  beforeEach(async () => {
    room.begin(bobs(1));
    await soon();
  });

  it("is sent with the number of what it answers, and only the next message is one", async () => {
    model.answer(1);
    assert.equal(model.answered.seq, 1);
    await find(1, bobs(1));
    assert.equal(model.answered.quote.text, "bob 1");
    model.write("So do I");
    assert.equal(model.answered, null);
    model.write("And more");
    assert.deepEqual(room.sends.map(({ replyTo }) => replyTo), [1, undefined]);
    assert.deepEqual(quotes(), [null, "Bob: bob 1", null]);
  });

  it("can be given up before it is written", () => {
    model.answer(1);
    model.answer(0);
    model.write("nothing of it");
    assert.deepEqual(room.sends.map(({ replyTo }) => replyTo), [undefined]);
  });

  it("shows at once what it answers, and as that is now", async () => {
    model.answer(1);
    await find(1, bobs(1));
    room.emit("changed", bobs(1, { message: "new" }));
    await soon();
    assert.equal(model.answered.quote.text, "new");
    assert.ok(changes > 0);
  });

  it("is sent again as a reply, also while the user answers another message", async () => {
    model.answer(1);
    model.write("So do I");
    const [{ ref }] = room.sends;
    room.fail(ref, "rate_limited");
    await soon();
    room.emit("message", bobs(2));
    model.answer(2);
    model.write("So do I", ref);
    assert.deepEqual(room.sends.map(({ replyTo }) => replyTo), [1, 1]);
    assert.equal(model.answered.seq, 2);
    assert.equal(model.entries.at(-1).replyTo, 1);
  });

  it("keeps its quote over a reload", async () => {
    enter([{ id: "r1", message: "So do I", replyTo: 1 }]);
    room.begin(bobs(1));
    await find(1, bobs(1));
    assert.deepEqual(quotes(), [null, "Bob: bob 1"]);
    room.acknowledge({ id: "r1", seq: 2, at });
    room.emit("message", { ...reply(2, 1), id: "r1", user: room.user, message: "So do I" });
    assert.deepEqual(quotes(), [null, "Bob: bob 1"]);
  });

  it("fails with a sentence of its own if what it answers is not there any more", async () => {
    model.answer(1);
    await find(1, bobs(1));
    model.write("So do I");
    room.fail(room.sends[0].ref, "invalid_message");
    await soon();
    const { code, quote } = model.entries.at(-1);
    assert.equal(explainFailure(code, quote !== null), "The message that this one answers is not there any more.");
    assert.equal(explainFailure(code), "This message contains something that cannot be sent.");
    assert.deepEqual(quotes(), [null, ": This message is not available any more."]);
  });
});
