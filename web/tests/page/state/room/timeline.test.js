import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { MAX_ENTRIES, Timeline } from "../../../../page/state/room/timeline.js";

const at = (second) => new Date(Date.UTC(2026, 0, 1, 12, 0, second)).toISOString();
const from = (name, seq, id = `${name}-${seq}`) => {
  return { seq, id, user: `u-${name}`, name, message: `${name} ${seq}`, at: at(seq) };
};
const write = (...ids) => ids.forEach((id) => timeline.write({ id, text: id, at: at(0) }));
const receive = (...messages) => messages.forEach((message) => timeline.receive(message));

let timeline, self;
const texts = () => timeline.entries.map(({ text }) => text);
const deliveries = () => timeline.entries.map(({ delivery }) => delivery);
const live = () => timeline.entries.map(({ live }) => live);

beforeEach(() => {
  self = { user: "u-ada" };
  timeline = new Timeline(self);
});

describe("reading", () => {
  it("shows messages in the order in which they come", () => {
    receive(from("bob", 1), from("cy", 2), from("bob", 4));
    assert.deepEqual(texts(), ["bob 1", "cy 2", "bob 4"]);
  });

  it("knows which messages of others mention the user", () => {
    const mentions = ["u-cy", "u-ada"];
    receive({ ...from("bob", 1), mentions }, { ...from("ada", 2), mentions }, { ...from("bob", 3), mentions: ["u-cy"] });
    assert.deepEqual(timeline.entries.map(({ atMe }) => atMe), [true, false, false]);
    assert.deepEqual(timeline.entries[0].mentions, mentions);
    timeline.change(from("bob", 1));
    assert.equal(timeline.entries[0].atMe, false);
  });

  it("distinguishes new messages from the history", () => {
    receive(from("bob", 1), from("cy", 2));
    timeline.goLive();
    receive(from("bob", 3));
    assert.deepEqual(live(), [false, false, true]);
  });

  it("puts earlier messages on top, and they are not live", () => {
    timeline.goLive();
    receive(from("bob", 5));
    assert.equal(timeline.oldest, 5);
    timeline.prepend([from("cy", 3), from("bob", 4)]);
    assert.deepEqual(texts(), ["cy 3", "bob 4", "bob 5"]);
    assert.deepEqual(live(), [false, false, true]);
    assert.equal(timeline.oldest, 3);
  });

  it("keeps the objects of unchanged entries", () => {
    receive(from("bob", 1));
    const [before] = timeline.entries;
    receive(from("bob", 2));
    timeline.prepend([from("bob", 0)]);
    assert.equal(timeline.entries[1], before);
  });

  it("is the same array until something changes", () => {
    receive(from("bob", 1));
    const before = timeline.entries;
    assert.equal(timeline.entries, before);
    timeline.change(from("bob", 2));
    assert.equal(timeline.entries, before);
    timeline.change({ ...from("bob", 1), message: "edited" });
    assert.deepEqual([texts(), before.map(({ text }) => text)], [["edited"], ["bob 1"]]);
  });

  it("drops the oldest of many entries", () => {
    for (let seq = 1; seq <= MAX_ENTRIES; seq++) receive(from("bob", seq));
    assert.equal(timeline.trim(), false);
    receive(from("bob", MAX_ENTRIES + 1), from("bob", MAX_ENTRIES + 2));
    assert.equal(timeline.trim(), true);
    assert.equal(timeline.entries.length, MAX_ENTRIES);
    assert.equal(timeline.oldest, 3);
  });

  it("shows notes where they were made, not the same one twice in a row", () => {
    receive(from("bob", 1));
    timeline.note("a gap");
    timeline.note("a gap");
    receive(from("bob", 5));
    timeline.note("a gap");
    assert.deepEqual(texts(), ["bob 1", "a gap", "bob 5", "a gap"]);
  });

  it("has an oldest message only if all are of one log", () => {
    receive(from("bob", 7));
    timeline.reset("reset");
    receive(from("bob", 1));
    assert.equal(timeline.oldest, undefined);
    for (let seq = 2; seq <= MAX_ENTRIES; seq++) receive(from("bob", seq));
    timeline.trim();
    assert.equal(timeline.oldest, 1);
  });

  it("has no numbers of another log: they are other messages' now", () => {
    receive(from("bob", 7));
    timeline.reset("reset");
    receive(from("bob", 1));
    assert.deepEqual(timeline.entries.map(({ seq }) => seq), [0, undefined, 1]);
  });

  it("shows a message once that comes again in a new log", () => {
    receive(from("bob", 7, "x"), from("bob", 8, "y"));
    timeline.reset("reset");
    receive(from("bob", 1, "x"));
    assert.deepEqual(texts(), ["bob 8", "reset", "bob 1"]);
  });
});

describe("a deleted message", () => {
  const deleted = (name, seq) => ({ ...from(name, seq), message: "", deleted: true });

  it("loses its text and keeps its place, without being new", () => {
    receive(from("bob", 1));
    timeline.goLive();
    receive(from("cy", 2));
    timeline.change(deleted("bob", 1));
    assert.deepEqual(timeline.entries.map(({ text, deleted }) => [text, deleted]), [["", true], ["cy 2", false]]);
    assert.deepEqual(live(), [false, true]);
  });

  it("may come from the history", () => {
    timeline.prepend([deleted("bob", 1)]);
    assert.equal(timeline.entries[0].deleted, true);
  });

  it("is ignored if it is not on the screen", () => {
    receive(from("cy", 2));
    timeline.change(deleted("bob", 1));
    assert.deepEqual(texts(), ["cy 2"]);
  });
});

describe("writing", () => {
  beforeEach(() => timeline.goLive());

  it("shows the user's messages at the end until the room's copies come", () => {
    write("r1", "r2");
    receive(from("bob", 5));
    assert.deepEqual(texts(), ["bob 5", "r1", "r2"]);
    assert.deepEqual(deliveries(), ["sent", "sending", "sending"]);
    receive(from("ada", 6, "r1"), from("bob", 7));
    assert.deepEqual(texts(), ["bob 5", "ada 6", "bob 7", "r2"]);
  });

  it("shows a message as sent before the room's copy comes", () => {
    write("r1");
    timeline.acknowledge({ id: "r1", at: at(3) });
    assert.deepEqual(deliveries(), ["sent"]);
    assert.equal(timeline.entries[0].at, at(3));
  });

  it("recognizes the room's copy as the user's own, also before the reply", () => {
    write("r1");
    receive(from("ada", 1, "r1"));
    timeline.acknowledge({ id: "r1", at: at(1) });
    timeline.fail("r1", "left");
    assert.equal(timeline.entries.length, 1);
    assert.deepEqual([timeline.entries[0].delivery, timeline.entries[0].mine], ["sent", true]);
  });

  it("knows the user's own messages from other times and windows", () => {
    receive(from("ada", 1), from("bob", 2));
    timeline.prepend([from("ada", 0)]);
    assert.deepEqual(timeline.entries.map(({ mine }) => mine), [true, true, false]);
  });

  it("knows how long a message has to wait, until it is sent or written again", () => {
    write("r1", "r2");
    const until = new Date(at(30));
    timeline.delay("r1", until);
    assert.deepEqual(timeline.entries.map(({ waitsUntil }) => waitsUntil), [until, null]);
    timeline.fail("r1", "left");
    write("r1");
    assert.deepEqual(timeline.entries.map(({ waitsUntil }) => waitsUntil), [null, null]);
  });

  it("forgets a failed message if the user does not want it any more, and no other", () => {
    write("r1", "r2");
    timeline.fail("r1", "muted");
    for (const id of ["r1", "r2"]) timeline.discard(id);
    assert.deepEqual(texts(), ["r2"]);
  });

  it("marks a failed message in its place, with newer messages below it", () => {
    receive(from("bob", 1));
    write("r1");
    timeline.fail("r1", "rate_limited");
    receive(from("bob", 2));
    assert.deepEqual(texts(), ["bob 1", "r1", "bob 2"]);
    assert.equal(timeline.entries[1].code, "rate_limited");
  });

  it("keeps a failed message below earlier ones that still wait", () => {
    write("r1", "r2", "r3");
    timeline.fail("r2", "queue_full");
    receive(from("bob", 1));
    assert.deepEqual(texts(), ["bob 1", "r1", "r2", "r3"]);
    receive(from("ada", 2, "r1"), from("bob", 3));
    assert.deepEqual(texts(), ["bob 1", "ada 2", "r2", "bob 3", "r3"]);
  });

  it("shows a failed message as sending again", () => {
    write("r1");
    timeline.fail("r1", "rate_limited");
    receive(from("bob", 2));
    write("r1");
    assert.deepEqual(texts(), ["bob 2", "r1"]);
    assert.deepEqual(deliveries(), ["sent", "sending"]);
  });

  it("keeps stored messages above a new log, and unsent ones below it", () => {
    write("r1", "r2");
    timeline.acknowledge({ id: "r1", at: at(3) });
    timeline.reset("reset");
    receive(from("bob", 1));
    assert.deepEqual(texts(), ["r1", "reset", "bob 1", "r2"]);
  });

  it("shows a failed message as sent if it arrived after all", () => {
    write("r1");
    timeline.fail("r1", "closed");
    receive(from("ada", 3, "r1"));
    assert.deepEqual(texts(), ["ada 3"]);
    assert.deepEqual(deliveries(), ["sent"]);
  });

  it("shows a message once that was stored long before its reply came", () => {
    receive(from("bob", 9));
    write("r1");
    timeline.acknowledge({ id: "r1", at: at(3) });
    timeline.prepend([from("ada", 8, "r1")]);
    assert.deepEqual(texts(), ["ada 8", "bob 9"]);
  });
});

it("keeps a message that failed early below the history", () => {
  write("r1", "r2");
  timeline.fail("r1", "queue_full");
  receive(from("bob", 1));
  assert.deepEqual(texts(), ["bob 1", "r1", "r2"]);
  timeline.goLive();
  receive(from("bob", 2));
  assert.deepEqual(texts(), ["bob 1", "r1", "bob 2", "r2"]);
});
