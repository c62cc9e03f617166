import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { LIMITS, Outbox } from "../../../roomcast/room/outbox.js";
import { FakeStorage } from "../../support/storage.js";

const pending = (id, message = id) => ({ id, message, at: 0 });

let store;
beforeEach(() => {
  store = new FakeStorage();
});

describe("an outbox", () => {
  it("holds messages in the order in which they were written", () => {
    const outbox = new Outbox(store, "k");
    for (const id of ["a", "b", "c"]) outbox.add(pending(id));
    assert.equal(outbox.remove("b"), true);
    assert.equal(outbox.remove("b"), false);
    assert.deepEqual(outbox.messages.map(({ id }) => id), ["a", "c"]);
    assert.deepEqual([outbox.first?.id, outbox.has("c"), outbox.has("b")], ["a", true, false]);
  });

  it("restores its messages, with their data", () => {
    new Outbox(store, "k").add({ ...pending("a"), data: [1] });
    assert.deepEqual(new Outbox(store, "k").messages, [{ ...pending("a"), data: [1] }]);
    assert.deepEqual(new Outbox(store, "another").messages, []);
  });

  it("leaves nothing in the storage when it is empty", () => {
    const outbox = new Outbox(store, "k");
    outbox.add(pending("a"));
    outbox.remove("a");
    assert.equal(store.items.size, 0);
  });

  it("is full at its limit of bytes", () => {
    const outbox = new Outbox(store, "k");
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
      const outbox = new Outbox(storage, "k");
      outbox.add(pending("a"));
      assert.equal(outbox.remove("a"), true);
    }
  });

  it("ignores stored values that it did not write", () => {
    for (const nonsense of ["not JSON", "null", "{}", '"a"', "[null, 7, {}]", '[{"id": 1, "message": "a", "at": 0}]']) {
      store.setItem("k", nonsense);
      assert.deepEqual(new Outbox(store, "k").messages, []);
    }
  });
});
