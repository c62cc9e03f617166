import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { SequenceBuffer } from "../../../roomcast/room/log/sequence-buffer.js";
import { randomFrom } from "../../support/time.js";

const message = (seq, id = `m${seq}`) => ({ seq, id, user: "u", name: "n", message: `text ${seq}`, at: "" });
const run = (seqs, skipped = []) => ({ messages: seqs.map((seq) => message(seq)), skipped });

let buffer;
const taken = () => buffer.take().map(({ type, detail }) => (type === "lost" ? [detail.from, detail.to] : detail.seq));

beforeEach(() => {
  buffer = new SequenceBuffer();
});

describe("a buffer after begin()", () => {
  beforeEach(() => buffer.begin(10, 0));

  it("releases entries in order, each once", () => {
    buffer.add(run([11, 12]), 0);
    assert.deepEqual(taken(), [11, 12]);
    buffer.add(run([11, 12, 13]), 0);
    assert.deepEqual(taken(), [13]);
  });

  it("holds back an entry until the ones before it have come", () => {
    buffer.add(run([13, 12]), 0);
    assert.deepEqual(taken(), []);
    buffer.add(run([11]), 0);
    assert.deepEqual(taken(), [11, 12, 13]);
  });

  it("releases nothing for a skipped number", () => {
    buffer.add(run([13], [11, 12]), 0);
    assert.deepEqual(taken(), [13]);
  });

  it("ignores entries below its base", () => {
    buffer.add(run([9, 10]), 0);
    assert.deepEqual([taken(), buffer.head], [[], 10]);
  });

  it("drops a message that comes again under another seq", () => {
    buffer.add({ messages: [message(11, "same"), message(12, "same"), message(13)], skipped: [] }, 0);
    assert.deepEqual(taken(), [11, 13]);
  });

  it("knows its first gap, and since when it is missing", () => {
    buffer.add(run([14]), 5);
    assert.deepEqual(buffer.gap, { from: 11, to: 13, since: 5 });
    buffer.raiseHead(16, 7);
    buffer.add(run([12]), 8);
    assert.deepEqual(buffer.gap, { from: 11, to: 11, since: 5 });
    buffer.add(run([11]), 9);
    assert.deepEqual(buffer.gap, { from: 13, to: 13, since: 5 });
    buffer.add(run([13]), 9);
    assert.deepEqual(buffer.gap, { from: 15, to: 16, since: 7 });
    buffer.add(run([15], [16]), 9);
    assert.equal(buffer.gap, null);
    assert.deepEqual([buffer.contiguous, buffer.head], [16, 16]);
  });

  it("is not raised to a seq that it has passed", () => {
    buffer.add(run([11, 12]), 0);
    buffer.raiseHead(12, 0);
    buffer.raiseHead(3, 0);
    assert.deepEqual([buffer.gap, buffer.head], [null, 12]);
  });

  it("releases a lost range in its place, and goes on after it", () => {
    buffer.add(run([12, 15]), 0);
    buffer.giveUp(13);
    assert.deepEqual(taken(), [[11, 11], 12, [13, 13]]);
    assert.deepEqual(buffer.gap, { from: 14, to: 14, since: 0 });
    buffer.add(run([14]), 0);
    assert.deepEqual(taken(), [14, 15]);
  });

  it("ignores an entry that it gave up", () => {
    buffer.add(run([12]), 0);
    buffer.giveUp(11);
    assert.deepEqual(taken(), [[11, 11], 12]);
    buffer.add(run([11]), 0);
    assert.deepEqual(taken(), []);
  });

  it("does not give up an entry that it has", () => {
    buffer.add(run([11, 12]), 0);
    buffer.giveUp(12);
    assert.deepEqual(taken(), [11, 12]);
  });
});

it("a buffer knows what it has released", () => {
  buffer.add(run([12]), 0);
  assert.equal(buffer.hasReleased(7), false);
  buffer.begin(10, 0);
  buffer.add(run([11]), 0);
  assert.equal(buffer.hasReleased(11), false);
  taken();
  assert.deepEqual([7, 11, 12, 13].map((seq) => buffer.hasReleased(seq)), [true, true, true, false]);
});

describe("a buffer before begin()", () => {
  it("releases nothing and has no gap", () => {
    buffer.add(run([5, 7]), 0);
    assert.deepEqual([taken(), buffer.gap, buffer.contiguous, buffer.head], [[], null, undefined, 7]);
  });

  it("sorts in what came before, when it begins", () => {
    buffer.add(run([5, 7], [6]), 0);
    buffer.raiseHead(9, 0);
    buffer.begin(5, 3);
    assert.deepEqual(taken(), [7]);
    assert.deepEqual(buffer.gap, { from: 8, to: 9, since: 3 });
  });
});

it("a buffer releases each message once and in order, in whatever order the entries come", () => {
  const isSkipped = (seq) => seq % 5 === 0;
  const all = Array.from({ length: 40 }, (_, index) => index + 1);
  for (let seed = 1; seed <= 300; seed++) {
    const random = randomFrom(seed);
    const buffer = new SequenceBuffer();
    const parts = all.flatMap((seq) => (random() < 0.4 ? [seq, seq] : [seq]));
    const order = parts.map((seq) => ({ seq, at: random() })).sort((a, b) => a.at - b.at);
    const beginning = Math.floor(random() * 20);
    const released = [];
    for (const [index, { seq }] of order.entries()) {
      if (index === beginning) buffer.begin(0, 0);
      if (random() < 0.1) buffer.raiseHead(Math.ceil(random() * 40), 0);
      buffer.add(isSkipped(seq) ? run([], [seq]) : run([seq]), 0);
      released.push(...buffer.take());
    }
    assert.deepEqual(released.map(({ detail }) => detail.seq), all.filter((seq) => !isSkipped(seq)), `seed ${seed}`);
    assert.equal(buffer.gap, null, `seed ${seed}`);
  }
});
