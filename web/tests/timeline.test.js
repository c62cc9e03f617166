import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { MOST_ENTRIES, Timeline } from "../timeline.js";

const at = (second) => new Date(Date.UTC(2026, 0, 1, 12, 0, second)).toISOString();
const from = (name, seq, message = `${name} ${seq}`, second = seq) => {
  return { seq, id: `${name}-${seq}-${second}`, user: `u-${name}`, name, message, at: at(second) };
};
const mine = (ref, text = ref) => ({ ref, name: "Ada", text, at: at(0) });

let timeline;
const texts = () => timeline.entries.map(({ text }) => text);
const deliveries = () => timeline.entries.map(({ delivery }) => delivery);

beforeEach(() => {
  timeline = new Timeline();
});

describe("receiving", () => {
  it("puts messages into the room's order, whatever order they come in", () => {
    timeline.receive([from("bob", 2), from("cy", 4)]);
    timeline.receive([from("bob", 3), from("cy", 1)]);
    assert.deepEqual(texts(), ["cy 1", "bob 2", "bob 3", "cy 4"]);
  });

  it("drops repeats and counts only what is new", () => {
    assert.equal(timeline.receive([from("bob", 1), from("bob", 2)]), 2);
    assert.equal(timeline.receive([from("bob", 2), from("bob", 3)]), 1);
    assert.deepEqual(texts(), ["bob 1", "bob 2", "bob 3"]);
  });

  it("leaves the entries that did not change as they were", () => {
    timeline.receive([from("bob", 1)]);
    const [before] = timeline.entries;
    timeline.receive([from("bob", 1), from("bob", 2)]);
    assert.equal(timeline.entries[0], before);
  });

  it("keeps the newest of a long conversation", () => {
    timeline.receive(Array.from({ length: MOST_ENTRIES + 3 }, (_, index) => from("bob", index + 1)));
    assert.equal(timeline.entries.length, MOST_ENTRIES);
    assert.equal(timeline.entries[0].seq, 4);
  });

  it("keeps the order where two servers' clocks differ a little", () => {
    timeline.receive([from("bob", 2, "second", 5), from("cy", 1, "first", 6)]);
    assert.deepEqual(texts(), ["first", "second"]);
  });

  it("goes on below what it has when the room's log begins anew", () => {
    timeline.receive([from("bob", 7), from("bob", 8)]);
    timeline.receive([from("cy", 1, "after", 60), from("cy", 2, "after that", 61)]);
    assert.deepEqual(texts(), ["bob 7", "bob 8", "after", "after that"]);
  });
});

describe("writing", () => {
  it("shows a message at the end until the room has given it its place", () => {
    timeline.write(mine("r1"));
    timeline.receive([from("bob", 5)]);
    assert.deepEqual(texts(), ["bob 5", "r1"]);
    assert.deepEqual(deliveries(), ["sent", "sending"]);
    timeline.acknowledge({ id: "r1", seq: 4, at: at(4) });
    assert.deepEqual(texts(), ["r1", "bob 5"]);
    assert.deepEqual(deliveries(), ["sent", "sent"]);
  });

  it("keeps several under way in the order they were written", () => {
    for (const ref of ["r1", "r2", "r3"]) timeline.write(mine(ref));
    assert.deepEqual(texts(), ["r1", "r2", "r3"]);
  });

  it("is settled by the room's copy, which is not counted as new", () => {
    timeline.write(mine("r1"));
    assert.equal(timeline.receive([{ ...from("ada", 1, "r1"), id: "r1" }]), 0);
    assert.equal(timeline.entries.length, 1);
    assert.deepEqual([timeline.entries[0].delivery, timeline.entries[0].mine], ["sent", true]);
  });

  it("stays settled when the reply, or a late refusal, comes after the room's copy", () => {
    timeline.write(mine("r1"));
    timeline.receive([{ ...from("ada", 1), id: "r1" }]);
    timeline.acknowledge({ id: "r1", seq: 1, at: at(1) });
    timeline.refuse("r1", "unanswered");
    assert.deepEqual(deliveries(), ["sent"]);
  });

  it("marks a refused message where it stands, and the conversation goes on below it", () => {
    timeline.receive([from("bob", 1)]);
    timeline.write(mine("r1"));
    timeline.refuse("r1", "rate_limited");
    timeline.receive([from("bob", 2)]);
    assert.deepEqual(texts(), ["bob 1", "r1", "bob 2"]);
    assert.equal(timeline.entries[1].code, "rate_limited");
  });

  it("takes up a refused message again under the same ref", () => {
    timeline.write(mine("r1"));
    timeline.refuse("r1", "rate_limited");
    timeline.receive([from("bob", 2)]);
    timeline.write(mine("r1"));
    assert.deepEqual(texts(), ["bob 2", "r1"]);
    assert.deepEqual(timeline.entries[1].delivery, "sending");
  });

  it("shows as sent what was given up and arrived all the same", () => {
    timeline.write(mine("r1"));
    timeline.refuse("r1", "unanswered");
    timeline.receive([{ ...from("ada", 3), id: "r1" }]);
    assert.deepEqual(deliveries(), ["sent"]);
  });
});
