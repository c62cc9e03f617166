import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { MOST_ENTRIES, Timeline } from "../../page/timeline.js";

const at = (second) => new Date(Date.UTC(2026, 0, 1, 12, 0, second)).toISOString();
const from = (name, seq, id = `${name}-${seq}`) => {
  return { seq, id, user: `u-${name}`, name, message: `${name} ${seq}`, at: at(seq) };
};
const write = (...ids) => ids.forEach((id) => timeline.write({ id, text: id, at: at(0) }));
const receive = (...messages) => messages.map((message) => timeline.receive(message));

let timeline, self;
const texts = () => timeline.entries.map(({ text }) => text);
const deliveries = () => timeline.entries.map(({ delivery }) => delivery);
const live = () => timeline.entries.map(({ live }) => live);

beforeEach(() => {
  self = { user: "u-ada" };
  timeline = new Timeline(self);
});

describe("reading", () => {
  it("has messages in the order in which they are told of", () => {
    receive(from("bob", 1), from("cy", 2), from("bob", 4));
    assert.deepEqual(texts(), ["bob 1", "cy 2", "bob 4"]);
  });

  it("tells what is said now from what was said before", () => {
    assert.deepEqual(receive(from("bob", 1), from("cy", 2)), [false, false]);
    timeline.goLive();
    assert.deepEqual(receive(from("bob", 3)), [true]);
    assert.deepEqual(live(), [false, false, true]);
  });

  it("puts earlier messages above all, and they are not live", () => {
    timeline.goLive();
    receive(from("bob", 5));
    assert.equal(timeline.oldest, 5);
    timeline.prepend([from("cy", 3), from("bob", 4)]);
    assert.deepEqual(texts(), ["cy 3", "bob 4", "bob 5"]);
    assert.deepEqual(live(), [false, false, true]);
    assert.equal(timeline.oldest, 3);
  });

  it("leaves the entries that did not change as they were", () => {
    receive(from("bob", 1));
    const [before] = timeline.entries;
    receive(from("bob", 2));
    timeline.prepend([from("bob", 0)]);
    assert.equal(timeline.entries[1], before);
  });

  it("forgets the oldest of a long conversation when it is told to", () => {
    for (let seq = 1; seq <= MOST_ENTRIES; seq++) receive(from("bob", seq));
    assert.equal(timeline.forget(), false);
    receive(from("bob", MOST_ENTRIES + 1), from("bob", MOST_ENTRIES + 2));
    assert.equal(timeline.forget(), true);
    assert.equal(timeline.entries.length, MOST_ENTRIES);
    assert.equal(timeline.oldest, 3);
  });

  it("has notes where they were made, the same one not twice in a row", () => {
    receive(from("bob", 1));
    timeline.note("a gap");
    timeline.note("a gap");
    receive(from("bob", 5));
    timeline.note("a gap");
    assert.deepEqual(texts(), ["bob 1", "a gap", "bob 5", "a gap"]);
  });

  it("has an oldest message only where all is of one log", () => {
    receive(from("bob", 7));
    timeline.beginAnew("began anew");
    receive(from("bob", 1));
    assert.equal(timeline.oldest, undefined);
    for (let seq = 2; seq <= MOST_ENTRIES; seq++) receive(from("bob", seq));
    timeline.forget();
    assert.equal(timeline.oldest, 1);
  });

  it("shows a message once that comes again in a log that began anew", () => {
    receive(from("bob", 7, "x"), from("bob", 8, "y"));
    timeline.beginAnew("began anew");
    receive(from("bob", 1, "x"));
    assert.deepEqual(texts(), ["bob 8", "began anew", "bob 1"]);
  });
});

describe("what a moderator has deleted", () => {
  const deleted = (name, seq) => ({ ...from(name, seq), message: "", deleted: true });

  it("loses its text and keeps its place, without being news", () => {
    receive(from("bob", 1));
    timeline.goLive();
    receive(from("cy", 2));
    timeline.change(deleted("bob", 1));
    assert.deepEqual(timeline.entries.map(({ text, deleted }) => [text, deleted]), [["", true], ["cy 2", false]]);
    assert.deepEqual(live(), [false, true]);
  });

  it("can come so from the history, too", () => {
    timeline.prepend([deleted("bob", 1)]);
    assert.equal(timeline.entries[0].deleted, true);
  });

  it("is nothing where it is not on the screen", () => {
    receive(from("cy", 2));
    timeline.change(deleted("bob", 1));
    assert.deepEqual(texts(), ["cy 2"]);
  });
});

describe("writing", () => {
  beforeEach(() => timeline.goLive());

  it("shows messages at the end, as they were written, until the room tells of them", () => {
    write("r1", "r2");
    receive(from("bob", 5));
    assert.deepEqual(texts(), ["bob 5", "r1", "r2"]);
    assert.deepEqual(deliveries(), ["sent", "sending", "sending"]);
    receive(from("ada", 6, "r1"), from("bob", 7));
    assert.deepEqual(texts(), ["bob 5", "ada 6", "bob 7", "r2"]);
  });

  it("says that a message is sent before the room tells of it", () => {
    write("r1");
    timeline.acknowledge({ id: "r1", at: at(3) });
    assert.deepEqual(deliveries(), ["sent"]);
    assert.equal(timeline.entries[0].at, at(3));
  });

  it("takes the room's copy for one's own, not for news, also when the answer to it comes later", () => {
    write("r1");
    assert.deepEqual(receive(from("ada", 1, "r1")), [false]);
    timeline.acknowledge({ id: "r1", at: at(1) });
    timeline.refuse("r1", "left");
    assert.equal(timeline.entries.length, 1);
    assert.deepEqual([timeline.entries[0].delivery, timeline.entries[0].mine], ["sent", true]);
  });

  it("knows one's own messages of other times and windows", () => {
    assert.deepEqual(receive(from("ada", 1), from("bob", 2)), [false, true]);
    timeline.prepend([from("ada", 0)]);
    assert.deepEqual(timeline.entries.map(({ mine }) => mine), [true, true, false]);
  });

  it("knows until when a message has to wait, until it is sent or written again", () => {
    write("r1", "r2");
    const until = new Date(at(30));
    timeline.delay("r1", until);
    assert.deepEqual(timeline.entries.map(({ waits }) => waits), [until, null]);
    timeline.refuse("r1", "left");
    write("r1");
    assert.deepEqual(timeline.entries.map(({ waits }) => waits), [null, null]);
  });

  it("marks a refused message where it stands, and the conversation goes on below it", () => {
    receive(from("bob", 1));
    write("r1");
    timeline.refuse("r1", "rate_limited");
    receive(from("bob", 2));
    assert.deepEqual(texts(), ["bob 1", "r1", "bob 2"]);
    assert.equal(timeline.entries[1].code, "rate_limited");
  });

  it("keeps a refused message below those that were written before it and still wait", () => {
    write("r1", "r2", "r3");
    timeline.refuse("r2", "queue_full");
    receive(from("bob", 1));
    assert.deepEqual(texts(), ["bob 1", "r1", "r2", "r3"]);
    receive(from("ada", 2, "r1"), from("bob", 3));
    assert.deepEqual(texts(), ["bob 1", "ada 2", "r2", "bob 3", "r3"]);
  });

  it("takes up a refused message again", () => {
    write("r1");
    timeline.refuse("r1", "rate_limited");
    receive(from("bob", 2));
    write("r1");
    assert.deepEqual(texts(), ["bob 2", "r1"]);
    assert.deepEqual(deliveries(), ["sent", "sending"]);
  });

  it("keeps what a log took above the one that begins anew, and what it did not take below", () => {
    write("r1", "r2");
    timeline.acknowledge({ id: "r1", at: at(3) });
    timeline.beginAnew("began anew");
    receive(from("bob", 1));
    assert.deepEqual(texts(), ["r1", "began anew", "bob 1", "r2"]);
  });

  it("shows as sent what was refused here and arrived all the same", () => {
    write("r1");
    timeline.refuse("r1", "closed");
    receive(from("ada", 3, "r1"));
    assert.deepEqual(texts(), ["ada 3"]);
    assert.deepEqual(deliveries(), ["sent"]);
  });

  it("shows a message once that had been stored long before its answer came", () => {
    receive(from("bob", 9));
    write("r1");
    timeline.acknowledge({ id: "r1", at: at(3) });
    timeline.prepend([from("ada", 8, "r1")]);
    assert.deepEqual(texts(), ["ada 8", "bob 9"]);
  });
});

it("keeps what was refused early below what was said before", () => {
  write("r1", "r2");
  timeline.refuse("r1", "queue_full");
  receive(from("bob", 1));
  assert.deepEqual(texts(), ["bob 1", "r1", "r2"]);
  timeline.goLive();
  receive(from("bob", 2));
  assert.deepEqual(texts(), ["bob 1", "r1", "bob 2", "r2"]);
});
