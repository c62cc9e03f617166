import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { LIMITS, Outbox } from "../../../roomcast/room/outbox.js";
import { FakeStorage } from "../../support/storage.js";

const pending = (id, message = id) => ({ id, message, at: 0 });

let store;
beforeEach(() => {
  store = new FakeStorage();
});

/** Return an outbox of a new page in the same tab. */
function open(owner = "ada", room = "k", storage = new FakeStorage(store.items)) {
  const outbox = new Outbox(storage, (owner) => `${owner} ${room}`);
  outbox.identify(owner);
  return outbox;
}

describe("an outbox", () => {
  it("holds messages in the order in which they were written", () => {
    const outbox = open();
    for (const id of ["a", "b", "c"]) outbox.add(pending(id));
    assert.equal(outbox.remove("b"), true);
    assert.equal(outbox.remove("b"), false);
    assert.deepEqual(outbox.messages.map(({ id }) => id), ["a", "c"]);
    assert.deepEqual([outbox.first?.id, outbox.has("c"), outbox.has("b")], ["a", true, false]);
  });

  it("restores its messages, with their data", () => {
    open().add({ ...pending("a"), data: [1] });
    assert.deepEqual(open().messages, [{ ...pending("a"), data: [1] }]);
    assert.deepEqual(open("ada", "another").messages, []);
  });

  it("leaves nothing in the storage when it is empty", () => {
    const outbox = open();
    outbox.add(pending("a"));
    outbox.remove("a");
    assert.equal(store.items.size, 0);
  });

  it("is full at its limit of bytes", () => {
    const outbox = open();
    const quarter = "é".repeat(LIMITS.bytes / 8 - 100);
    for (const id of ["a", "b", "c", "d"]) outbox.add(pending(id, quarter));
    assert.throws(() => outbox.add(pending("e", quarter)), { code: "queue_full" });
    assert.equal(outbox.messages.length, 4);
  });

  it("works without a storage, and with a full or blocked one", () => {
    const throws = () => {
      throw new Error("SecurityError");
    };
    for (const storage of [null, { getItem: throws, setItem: throws, removeItem: throws }]) {
      const outbox = open("ada", "k", storage);
      outbox.add(pending("a"));
      assert.equal(outbox.remove("a"), true);
    }
  });

  it("ignores stored values that it did not write", () => {
    for (const nonsense of ["not JSON", "null", "{}", '"a"', "[null, 7, {}]", '[{"id": 1, "message": "a", "at": 0}]']) {
      store.setItem("ada k", nonsense);
      assert.deepEqual(open().messages, []);
    }
  });

  it("has a key of its own beside another of the same owner in one page", () => {
    const outboxes = [open("ada", "k", store), open("ada", "k", store)];
    for (const [index, outbox] of outboxes.entries()) outbox.add(pending(`from ${index + 1}`));
    assert.deepEqual(outboxes.map(({ messages }) => messages.map(({ id }) => id)), [["from 1"], ["from 2"]]);
    assert.equal(store.items.size, 2);
  });

  it("takes over what several of an earlier page have stored, and leaves nothing behind", () => {
    open("ada", "k", store).add(pending("a"));
    open("ada", "k", store).add(pending("b"));
    assert.deepEqual(open().messages.map(({ id }) => id), ["a", "b"]);
    assert.equal(store.items.size, 1);
  });

  it("takes over what a closed one has stored", () => {
    const closed = open("ada", "k", store);
    closed.add(pending("a"));
    closed.close();
    assert.deepEqual(open("ada", "k", store).messages, [pending("a")]);
  });

  it("stores nothing before its owner is known, and then everything under that owner", () => {
    const outbox = open(null);
    outbox.add(pending("a"));
    assert.deepEqual([outbox.messages.length, store.items.size], [1, 0]);
    outbox.identify(null, "u-ada");
    assert.deepEqual([outbox.messages[0].user, [...store.items.keys()]], ["u-ada", ["user u-ada k"]]);
  });

  it("shows nobody the messages of another user, and shows them to their own again", () => {
    const outbox = open("ada");
    outbox.add(pending("a"));
    outbox.identify("eve");
    assert.deepEqual([outbox.messages, outbox.first, outbox.has("a")], [[], undefined, false]);
    outbox.add(pending("e"));
    assert.deepEqual(open("eve").messages, [pending("e")]);
    outbox.identify("ada");
    assert.deepEqual(outbox.messages, [pending("a")]);
  });

  it("believes the server more than the token: one owner may turn out to be two users", () => {
    const outbox = open("shared");
    outbox.identify("shared", "u-ada");
    outbox.add(pending("a"));
    const later = open("shared");
    later.identify("shared", "u-eve");
    assert.deepEqual(later.messages, []);
    later.identify("shared", "u-ada");
    assert.deepEqual(later.messages, [{ ...pending("a"), user: "u-ada" }]);
  });
});
