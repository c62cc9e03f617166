import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { LIMITS, Outbox } from "../../../roomcast/room/sending/outbox.js";
import { FakeStorage } from "../../support/storage.js";

const pending = (id, message = id) => ({ id, action: "send", message, at: 0 });

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
    for (const id of ["a", "b", "c"]) outbox.put(pending(id));
    assert.equal(outbox.remove("b")?.id, "b");
    assert.equal(outbox.remove("b"), undefined);
    assert.deepEqual(outbox.items.map(({ id }) => id), ["a", "c"]);
    assert.deepEqual([outbox.first?.id, Boolean(outbox.get("c")), Boolean(outbox.get("b"))], ["a", true, false]);
  });

  it("restores its messages, with their data", () => {
    open().put({ ...pending("a"), data: [1] });
    assert.deepEqual(open().items, [{ ...pending("a"), data: [1] }]);
    assert.deepEqual(open("ada", "another").items, []);
  });

  it("leaves nothing in the storage when it is empty", () => {
    const outbox = open();
    outbox.put(pending("a"));
    outbox.remove("a");
    assert.equal(store.items.size, 0);
  });

  it("is full at its limit of bytes", () => {
    const outbox = open();
    const quarter = "é".repeat(LIMITS.bytes / 8 - 100);
    for (const id of ["a", "b", "c", "d"]) outbox.put(pending(id, quarter));
    assert.throws(() => outbox.put(pending("e", quarter)), { code: "queue_full" });
    assert.equal(outbox.items.length, 4);
  });

  it("works without a storage, and with a full or blocked one", () => {
    const throws = () => {
      throw new Error("SecurityError");
    };
    for (const storage of [null, { getItem: throws, setItem: throws, removeItem: throws }]) {
      const outbox = open("ada", "k", storage);
      outbox.put(pending("a"));
      assert.equal(outbox.remove("a")?.id, "a");
    }
  });

  it("ignores stored values that it did not write", () => {
    for (const nonsense of ["not JSON", "null", "{}", '"a"', "[null, 7, {}]", '[{"id": 1, "message": "a", "at": 0}]']) {
      store.setItem("ada k", nonsense);
      assert.deepEqual(open().items, []);
    }
  });

  it("has a key of its own beside another of the same owner in one page", () => {
    const outboxes = [open("ada", "k", store), open("ada", "k", store)];
    for (const [index, outbox] of outboxes.entries()) outbox.put(pending(`from ${index + 1}`));
    assert.deepEqual(outboxes.map(({ items }) => items.map(({ id }) => id)), [["from 1"], ["from 2"]]);
    assert.equal(store.items.size, 2);
  });

  it("takes over what several of an earlier page have stored, and leaves nothing behind", () => {
    open("ada", "k", store).put(pending("a"));
    open("ada", "k", store).put(pending("b"));
    assert.deepEqual(open().items.map(({ id }) => id), ["a", "b"]);
    assert.equal(store.items.size, 1);
  });

  it("takes over what a closed one has stored", () => {
    const closed = open("ada", "k", store);
    closed.put(pending("a"));
    closed.close();
    assert.deepEqual(open("ada", "k", store).items, [pending("a")]);
  });

  it("stores nothing before its owner is known, and then everything under that owner", () => {
    const outbox = open(null);
    outbox.put(pending("a"));
    assert.deepEqual([outbox.items.length, store.items.size], [1, 0]);
    outbox.identify(null, "u-ada");
    assert.deepEqual([outbox.items[0].user, [...store.items.keys()]], ["u-ada", ["user u-ada k"]]);
  });

  it("shows nobody the messages of another user, and shows them to their own again", () => {
    const outbox = open("ada");
    outbox.put(pending("a"));
    outbox.identify("eve");
    assert.deepEqual([outbox.items, outbox.first, Boolean(outbox.get("a"))], [[], undefined, false]);
    outbox.put(pending("e"));
    assert.deepEqual(open("eve").items, [pending("e")]);
    outbox.identify("ada");
    assert.deepEqual(outbox.items, [pending("a")]);
  });

  it("believes the server more than the token: one owner may turn out to be two users", () => {
    const outbox = open("shared");
    outbox.identify("shared", "u-ada");
    outbox.put(pending("a"));
    const later = open("shared");
    later.identify("shared", "u-eve");
    assert.deepEqual(later.items, []);
    later.identify("shared", "u-ada");
    assert.deepEqual(later.items, [{ ...pending("a"), user: "u-ada" }]);
  });
});
