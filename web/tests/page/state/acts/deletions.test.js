import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Deletions, UNDO_TIME } from "../../../../page/state/acts/deletions.js";
import { FakeTime } from "../../../support/time.js";

let deletions, time, sent, changes;

beforeEach(() => {
  time = new FakeTime();
  sent = [];
  changes = [];
  deletions = new Deletions((seq) => sent.push(seq), (...change) => changes.push(change), time);
});

describe("a deletion", () => {
  it("is sent once its time to be undone is over, and once", async () => {
    deletions.begin({ id: "a", seq: 1 });
    deletions.begin({ id: "a", seq: 1 });
    assert.deepEqual(changes, [["a", true]]);
    await time.pass(UNDO_TIME - 1);
    assert.deepEqual(sent, []);
    await time.pass(1);
    assert.deepEqual([sent, changes.at(-1)], [[1], ["a", false]]);
    deletions.undo("a");
    deletions.flush();
    assert.deepEqual(sent, [1]);
  });

  it("that is undone is never sent", async () => {
    deletions.begin({ id: "a", seq: 1 });
    deletions.undo("a");
    deletions.flush();
    await time.pass(UNDO_TIME);
    assert.deepEqual([sent, changes], [[], [["a", true], ["a", false]]]);
  });

  it("is sent at once if the user leaves", async () => {
    deletions.begin({ id: "a", seq: 1 });
    deletions.begin({ id: "b", seq: 2 });
    deletions.flush();
    await time.pass(UNDO_TIME);
    assert.deepEqual(sent, [1, 2]);
  });

  it("is dropped if the room has a new log: its number is another message's", async () => {
    deletions.begin({ id: "a", seq: 1 });
    deletions.reset();
    await time.pass(UNDO_TIME);
    assert.deepEqual([sent, changes.at(-1)], [[], ["a", false]]);
  });
});
