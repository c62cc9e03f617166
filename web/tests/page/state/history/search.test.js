import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { isFindable, Search, seqSince } from "../../../../page/state/history/search.js";
import { FakeLog } from "../../../support/page/fake-log.js";

const DAY = 24 * 3_600_000;
const START = Date.parse("2026-11-01T00:00:00Z");

const message = (seq, text = `message ${seq}`, at = START + seq * 60_000) => ({
  seq, user: seq % 2 ? "u-ada" : "u-bob", name: seq % 2 ? "Ada" : "Bob", message: text, at: new Date(at).toISOString(),
});
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => message(from + index));
const known = (messages) => messages.map(({ message: text, user, ...rest }) => ({ ...rest, text, mine: user === "u-ada" }));

const searchIn = (log, query, inMemory, hasMore = true) => new Search(log, "u-ada", query, known(inMemory), hasMore);
const seqs = ({ found }) => found.messages.map(({ seq }) => seq);

describe("a search in a room", () => {
  it("finds what is in memory at once, newest first, without case and accents", () => {
    const log = new FakeLog([message(1, "Café"), message(2, "tea"), message(3, "CAFE")]);
    const search = searchIn(log, " café", log.messages);
    assert.deepEqual(seqs(search), [3, 1]);
    assert.equal(log.requests, 0);
    assert.deepEqual(search.found, { ...search.found, searched: 3, backTo: log.messages[0].at, earlier: "more" });
  });

  it("finds a person's messages by the beginning of the name", () => {
    const log = new FakeLog(range(1, 4));
    assert.deepEqual(seqs(searchIn(log, "bo", log.messages)), [4, 2]);
  });

  it("looks a thousand messages further back if asked, up to the start", async () => {
    const log = new FakeLog([message(1, "needle"), ...range(2, 1499), message(1500, "needle"), ...range(1501, 2100)]);
    const search = searchIn(log, "needle", log.messages.slice(-50));
    assert.deepEqual(seqs(search), []);
    await search.lookFurther();
    assert.deepEqual([seqs(search), search.found.searched, search.found.earlier], [[1500], 1050, "more"]);
    assert.equal(search.found.backTo, log.messages.at(-1050).at);
    await search.lookFurther();
    await search.lookFurther();
    assert.deepEqual([seqs(search), search.found.searched, search.found.earlier], [[1500, 1], 2100, "start"]);
    assert.equal(log.requests, 11);
    await search.lookFurther();
    assert.equal(log.requests, 11);
  });

  it("finds the newest two hundred, and looks no further then", async () => {
    const log = new FakeLog(range(1, 3000));
    const search = searchIn(log, "message", log.messages.slice(-50));
    await search.lookFurther();
    assert.deepEqual([seqs(search).length, seqs(search)[199], search.found.earlier, log.requests], [200, 2801, "full", 1]);
    await search.lookFurther();
    assert.equal(log.requests, 1);
    const { found } = searchIn(log, "message", log.messages);
    assert.deepEqual([found.messages.length, found.earlier], [200, "full"]);
  });

  it("does not find what was deleted", async () => {
    const log = new FakeLog([{ ...message(1, ""), deleted: true, name: "needle" }, message(2)]);
    const search = searchIn(log, "needle", log.messages.slice(-1));
    await search.lookFurther();
    assert.deepEqual(seqs(search), []);
  });

  it("finds no message in memory that is not stored, or was deleted, be it for a moment", () => {
    const stored = { kind: "message", seq: 1, text: "needle", deleted: false, undoable: false };
    assert.equal(isFindable(stored), true);
    for (const change of [{ seq: 0 }, { deleted: true }, { undoable: true }, { kind: "note" }]) {
      assert.equal(isFindable({ ...stored, ...change }), false, JSON.stringify(change));
    }
  });

  it("can be asked again after a failure, and stopped", async () => {
    const log = new FakeLog(range(1, 3000));
    const search = searchIn(log, "none", []);
    log.error = { code: "internal" };
    await search.lookFurther();
    assert.equal(search.found.earlier, "failed");
    log.error = undefined;
    let changes = 0;
    search.addEventListener("change", () => ++changes === 3 && search.stop());
    await search.lookFurther();
    assert.deepEqual([search.found.searched, changes], [400, 3]);
  });
});

describe("the first message since a moment", () => {
  const log = new FakeLog(range(1, 100_000));

  it("is found with a request for each halving", async () => {
    log.requests = 0;
    assert.equal(await seqSince(log, new Date(START + 2 * DAY)), 2880);
    assert.ok(log.requests <= 17, `${log.requests} requests`);
  });

  it("is the first of all for an early moment, and none for a late one", async () => {
    assert.equal(await seqSince(log, new Date(0)), 1);
    assert.equal(await seqSince(log, new Date(START + 1000 * DAY)), null);
    assert.equal(await seqSince(new FakeLog([]), new Date(0)), null);
  });

  it("is found among numbers that are no messages' and after expired ones", async () => {
    const sparse = new FakeLog([...range(500, 510), ...range(600, 610)], 700);
    assert.equal(await seqSince(sparse, new Date(0)), 500);
    assert.equal(await seqSince(sparse, new Date(START + 520 * 60_000)), 600);
    assert.equal(await seqSince(sparse, new Date(START + 605 * 60_000)), 605);
    assert.equal(await seqSince(sparse, new Date(START + 611 * 60_000)), null);
  });
});
