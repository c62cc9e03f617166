import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { LIMITS, Outbox } from "../../roomcast/room/outbox.js";
import { FakeStorage } from "../support/client-fixture.js";

const letter = (id, message = id) => ({ id, message, at: 0 });

let store;
beforeEach(() => {
  store = new FakeStorage();
});

describe("an outbox", () => {
  it("holds letters in the order they were written", () => {
    const outbox = new Outbox(store, "k");
    for (const id of ["a", "b", "c"]) outbox.add(letter(id));
    assert.equal(outbox.remove("b"), true);
    assert.equal(outbox.remove("b"), false);
    assert.deepEqual(outbox.letters.map(({ id }) => id), ["a", "c"]);
    assert.deepEqual([outbox.first?.id, outbox.has("c"), outbox.has("b")], ["a", true, false]);
  });

  it("finds them again, data included", () => {
    new Outbox(store, "k").add({ ...letter("a"), data: [1] });
    assert.deepEqual(new Outbox(store, "k").letters, [{ ...letter("a"), data: [1] }]);
    assert.deepEqual(new Outbox(store, "another").letters, []);
  });

  it("leaves nothing behind when it is empty", () => {
    const outbox = new Outbox(store, "k");
    outbox.add(letter("a"));
    outbox.remove("a");
    assert.equal(store.items.size, 0);
  });

  it("is full after so many bytes", () => {
    const outbox = new Outbox(store, "k");
    const quarter = "é".repeat(LIMITS.bytes / 8 - 100);
    for (const id of ["a", "b", "c", "d"]) outbox.add(letter(id, quarter));
    assert.throws(() => outbox.add(letter("e", quarter)), { code: "queue_full" });
    assert.equal(outbox.letters.length, 4);
  });

  it("works without a storage, and with one that is full or blocked", () => {
    const throws = () => {
      throw new Error("SecurityError");
    };
    for (const poor of [null, { getItem: throws, setItem: throws, removeItem: throws }]) {
      const outbox = new Outbox(poor, "k");
      outbox.add(letter("a"));
      assert.equal(outbox.remove("a"), true);
    }
  });

  it("ignores what it cannot have kept", () => {
    for (const nonsense of ["not JSON", "null", "{}", '"a"', "[null, 7, {}]", '[{"id": 1, "message": "a", "at": 0}]']) {
      store.setItem("k", nonsense);
      assert.deepEqual(new Outbox(store, "k").letters, []);
    }
  });
});
