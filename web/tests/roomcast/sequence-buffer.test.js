import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Ledger } from "../../roomcast/room/sequence-buffer.js";
import { randomFrom } from "../support/time.js";

const message = (seq, id = `m${seq}`) => ({ seq, id, user: "u", name: "n", message: `text ${seq}`, at: "" });
const run = (seqs, skipped = []) => ({ messages: seqs.map((seq) => message(seq)), skipped });

let ledger;
const taken = () => ledger.take().map(({ type, detail }) => (type === "lost" ? [detail.from, detail.to] : detail.seq));

beforeEach(() => {
  ledger = new Ledger();
});

describe("a ledger that has begun", () => {
  beforeEach(() => ledger.begin(10, 0));

  it("hands out what comes in order, each once", () => {
    ledger.add(run([11, 12]), 0);
    assert.deepEqual(taken(), [11, 12]);
    ledger.add(run([11, 12, 13]), 0);
    assert.deepEqual(taken(), [13]);
  });

  it("holds back what comes too early", () => {
    ledger.add(run([13, 12]), 0);
    assert.deepEqual(taken(), []);
    ledger.add(run([11]), 0);
    assert.deepEqual(taken(), [11, 12, 13]);
  });

  it("passes over skipped without a word", () => {
    ledger.add(run([13], [11, 12]), 0);
    assert.deepEqual(taken(), [13]);
  });

  it("ignores what is older than its base", () => {
    ledger.add(run([9, 10]), 0);
    assert.deepEqual([taken(), ledger.head], [[], 10]);
  });

  it("drops a message that comes again under another seq", () => {
    ledger.add({ messages: [message(11, "same"), message(12, "same"), message(13)], skipped: [] }, 0);
    assert.deepEqual(taken(), [11, 13]);
  });

  it("knows what is missing, and since when", () => {
    ledger.add(run([14]), 5);
    assert.deepEqual(ledger.hole, { from: 11, to: 13, since: 5 });
    ledger.raise(16, 7);
    ledger.add(run([12]), 8);
    assert.deepEqual(ledger.hole, { from: 11, to: 11, since: 5 });
    ledger.add(run([11]), 9);
    assert.deepEqual(ledger.hole, { from: 13, to: 13, since: 5 });
    ledger.add(run([13]), 9);
    assert.deepEqual(ledger.hole, { from: 15, to: 16, since: 7 });
    ledger.add(run([15], [16]), 9);
    assert.equal(ledger.hole, null);
    assert.deepEqual([ledger.contiguous, ledger.head], [16, 16]);
  });

  it("is not raised to what it has passed", () => {
    ledger.add(run([11, 12]), 0);
    ledger.raise(12, 0);
    ledger.raise(3, 0);
    assert.deepEqual([ledger.hole, ledger.head], [null, 12]);
  });

  it("tells of a gap in its place, and goes on behind it", () => {
    ledger.add(run([12, 15]), 0);
    ledger.abandon(13);
    assert.deepEqual(taken(), [[11, 11], 12, [13, 13]]);
    assert.deepEqual(ledger.hole, { from: 14, to: 14, since: 0 });
    ledger.add(run([14]), 0);
    assert.deepEqual(taken(), [14, 15]);
  });

  it("does not take back what it gave up", () => {
    ledger.add(run([12]), 0);
    ledger.abandon(11);
    assert.deepEqual(taken(), [[11, 11], 12]);
    ledger.add(run([11]), 0);
    assert.deepEqual(taken(), []);
  });

  it("gives up nothing that it has", () => {
    ledger.add(run([11, 12]), 0);
    ledger.abandon(12);
    assert.deepEqual(taken(), [11, 12]);
  });
});

describe("a message that is not what it was", () => {
  const changed = (seq) => ({ ...message(seq), message: "", deleted: true });
  const texts = () => ledger.take().map(({ detail }) => detail.message);

  it("may have been handed out, or lie before the beginning", () => {
    ledger.begin(10, 0);
    ledger.add(run([11]), 0);
    taken();
    assert.deepEqual([ledger.change(changed(11), 0), ledger.change(changed(7), 0), taken()], [true, true, []]);
    assert.equal(ledger.latest(message(7)).deleted, true);
    assert.deepEqual(ledger.latest(message(8)), message(8));
  });

  it("is handed out as it is now, whenever its turn comes", () => {
    ledger.begin(10, 0);
    ledger.add(run([12]), 0);
    for (const seq of [12, 13]) assert.equal(ledger.change(changed(seq), 0), false);
    ledger.add(run([13, 11]), 0);
    assert.deepEqual(texts(), ["text 11", "", ""]);
    assert.equal(ledger.hole, null);
  });

  it("fills the place that it has", () => {
    ledger.begin(10, 0);
    ledger.change(changed(12), 5);
    assert.deepEqual(ledger.hole, { from: 11, to: 11, since: 5 });
  });

  it("is known before the ledger has begun", () => {
    assert.equal(ledger.change(changed(11), 0), false);
    ledger.add(run([11, 12]), 0);
    ledger.begin(10, 0);
    assert.deepEqual(texts(), ["", "text 12"]);
  });
});

describe("a ledger that has not begun", () => {
  it("hands out nothing and misses nothing", () => {
    ledger.add(run([5, 7]), 0);
    assert.deepEqual([taken(), ledger.hole, ledger.contiguous, ledger.head], [[], null, undefined, 7]);
  });

  it("keeps for its beginning what comes before that", () => {
    ledger.add(run([5, 7], [6]), 0);
    ledger.raise(9, 0);
    ledger.begin(5, 3);
    assert.deepEqual(taken(), [7]);
    assert.deepEqual(ledger.hole, { from: 8, to: 9, since: 3 });
  });
});

it("hands out each message once and in order, whatever order things come in", () => {
  const isVoid = (seq) => seq % 5 === 0;
  const all = Array.from({ length: 40 }, (_, index) => index + 1);
  for (let seed = 1; seed <= 300; seed++) {
    const random = randomFrom(seed);
    const ledger = new Ledger();
    const parts = all.flatMap((seq) => (random() < 0.4 ? [seq, seq] : [seq]));
    const order = parts.map((seq) => ({ seq, at: random() })).sort((a, b) => a.at - b.at);
    const beginning = Math.floor(random() * 20);
    const released = [];
    for (const [index, { seq }] of order.entries()) {
      if (index === beginning) ledger.begin(0, 0);
      if (random() < 0.1) ledger.raise(Math.ceil(random() * 40), 0);
      ledger.add(isVoid(seq) ? run([], [seq]) : run([seq]), 0);
      released.push(...ledger.take());
    }
    assert.deepEqual(released.map(({ detail }) => detail.seq), all.filter((seq) => !isVoid(seq)), `seed ${seed}`);
    assert.equal(ledger.hole, null, `seed ${seed}`);
  }
});
