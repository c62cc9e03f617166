import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Past } from "../../../../page/state/history/past.js";
import { FakeLog } from "../../../support/page/fake-log.js";

const range = (from, to) =>
  Array.from({ length: to - from + 1 }, (_, index) => {
    const seq = from + index;
    return { seq, id: `m${seq}`, user: "u-bob", name: "Bob", message: `message ${seq}`, at: "2026-11-29T12:00:00Z" };
  });

const pastOf = (log, end = log.head + 1) => {
  const changes = { count: 0 };
  const past = new Past(Object.assign(log, { user: "u-ada" }), end, () => null, () => changes.count++);
  return { past, changes };
};
const seqs = ({ entries }) => entries.map(({ seq }) => seq);
const span = ({ entries }) => [entries[0].seq, entries.at(-1).seq, entries.length];

describe("a place in the past", () => {
  it("begins around the message that is sought, and grows in both directions without a gap", async () => {
    const { past, changes } = pastOf(new FakeLog(range(1, 1000)), 951);
    assert.equal(await past.open(300), 300);
    assert.deepEqual([span(past), past.earlier, past.later], [[275, 324, 50], "more", "more"]);
    await past.loadEarlier();
    await past.loadLater();
    assert.deepEqual([span(past), past.earlier, past.later], [[75, 524, 450], "more", "more"]);
    assert.equal(changes.count, 4);
    await past.loadEarlier();
    assert.equal(past.earlier, "start");
    for (let page = 0; page < 3; page++) await past.loadLater();
    assert.deepEqual([span(past), past.later], [[1, 950, 950], "end"]);
    assert.deepEqual(past.messages.map(({ seq }) => seq), seqs(past));
  });

  it("ends where the loaded messages begin", async () => {
    const { past } = pastOf(new FakeLog(range(1, 100)), 51);
    assert.equal(await past.open(45), 45);
    assert.deepEqual([span(past), past.later], [[1, 50, 50], "end"]);
  });

  it("leads to the message before one that is not there any more, or to the first that is left", async () => {
    const { past } = pastOf(new FakeLog([...range(100, 110), ...range(120, 400)]), 401);
    assert.equal(await past.open(115), 110);
    assert.equal(await pastOf(new FakeLog(range(100, 400))).past.open(90), 100);
    assert.equal(await pastOf(new FakeLog([], 50)).past.open(20), 0);
  });

  it("can be asked again after a failure, and follows changes", async () => {
    const log = new FakeLog(range(1, 1000));
    const { past } = pastOf(log);
    await past.open(500);
    log.error = { code: "internal" };
    await past.loadLater();
    assert.equal(past.later, "failed");
    log.error = undefined;
    await past.loadLater();
    assert.deepEqual(span(past), [475, 724, 250]);
    past.change({ ...range(500, 500)[0], message: "edited" });
    assert.equal(past.entries.find(({ seq }) => seq === 500).text, "edited");
    assert.equal(past.messages.find(({ seq }) => seq === 500).message, "edited");
  });
});
