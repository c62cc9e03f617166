import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { newsAfter, withDividers } from "../../../../page/state/room/days.js";
import { dayText } from "../../../../page/words/days.js";

const now = new Date(2026, 10, 24, 9, 30);
/** A time of this test's own time zone, as messages have it. */
const at = (day, hour = 12, minute = 0) => new Date(2026, 10, day, hour, minute).toISOString();
const message = (seq, fields = {}) => ({ kind: "message", id: `m${seq}`, seq, at: at(24), mine: false, deleted: false, ...fields });
const note = { kind: "note", id: "note", text: "a note", live: true };
const told = (items) => items.map((item) => (item.kind === "message" ? item.seq : item.text));

const arranged = (entries, mark = null) => told(withDividers(entries, { now, mark }));

describe("a day", () => {
  it("stands before its first message, as it is called now", () => {
    const [before, last, first, next] = [at(22), at(23, 23, 59), at(24, 0, 0), at(24, 0, 1)];
    const entries = [before, last, first, next].map((at, index) => message(index + 1, { at }));
    assert.deepEqual(arranged(entries), ["Sunday 22 November", 1, "Yesterday", 2, "Today", 3, 4]);
  });

  it("has its year if that is another one", () => {
    assert.equal(dayText(new Date(2025, 10, 24), now), "Monday 24 November 2025");
    assert.equal(dayText(new Date(2025, 11, 31), new Date(2026, 0, 1)), "Yesterday");
  });

  it("is not told twice, nor by a note, an older message, or a time that cannot be read", () => {
    const entries = [message(1), note, message(2, { at: at(23) }), message(3), message(4, { at: "soon" })];
    assert.deepEqual(arranged(entries), ["Today", 1, "a note", 2, 3, 4]);
  });

  it("keeps its id when the days have gone on", () => {
    const ids = [now, new Date(2026, 10, 25)].map((now) => withDividers([message(1)], { now, mark: null })[0].id);
    assert.equal(ids[0], ids[1]);
  });
});

describe("the line above what is new", () => {
  const since = new Date(2026, 10, 24, 9, 5);

  it("stands before the first message of others since then, with their number", () => {
    const entries = [message(1), message(2), message(3, { mine: true }), message(4)];
    const [, , line] = withDividers(entries, { now, mark: { seq: 1, since } });
    assert.equal(line.kind, "new");
    assert.match(line.text, /^2 new since .*9:05/);
    assert.deepEqual(told(withDividers(entries, { now, mark: { seq: 1, since: null } })), ["Today", 1, "2 new", 2, 3, 4]);
  });

  it("never stands before one's own message, a deleted one, a note, or one of an earlier log", () => {
    const entries = [message(0), note, message(2, { mine: true }), message(3, { deleted: true }), message(4)];
    assert.deepEqual(arranged(entries, { seq: 1, since: null }), ["Today", 0, "a note", 2, 3, "1 new", 4]);
  });

  it("is not there if nothing is new", () => {
    assert.deepEqual(arranged([message(1), message(2, { mine: true })], { seq: 1, since }), ["Today", 1, 2]);
  });

  it("comes below the day of its message", () => {
    assert.deepEqual(arranged([message(1, { at: at(23) }), message(2)], { seq: 1, since: null }), ["Yesterday", 1, "Today", "1 new", 2]);
  });
});

it("looks for news only down to the number that is known", () => {
  const entries = [message(1), message(2), message(3)];
  assert.deepEqual(newsAfter(1, entries), { first: entries[1], count: 2 });
  assert.deepEqual(newsAfter(3, entries), { first: undefined, count: 0 });
});
