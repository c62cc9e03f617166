import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Absence } from "../../../../page/state/rooms/absence.js";
import { RoomMemory } from "../../../../page/state/rooms/room-memory.js";
import { FakeBrowser } from "../../../support/page/tabs.js";

const NOW = Date.now();
const entry = (seq, fields) => ({
  kind: "message", id: `id-${seq}`, seq, user: "u-bob", name: "Bob", text: `text ${seq}`, at: "2026-01-01T12:00:00.000Z",
  reactions: [], mentions: [], mine: false, changing: false, live: true, ...fields,
});

let browser, now;
beforeEach(() => {
  browser = new FakeBrowser();
  now = NOW;
});
const open = (owner = "ada") => new RoomMemory(browser.open(), owner, { now: () => now });
const seqs = (entries) => entries.map(({ seq }) => seq);

describe("what was seen in a room", () => {
  it("is the newest fifty stored messages, for its person alone", () => {
    const note = { kind: "note", id: "n", text: "A note", live: true };
    const all = Array.from({ length: 60 }, (_, index) => entry(index + 1));
    open().keep("general", [...all, note, entry(0), entry(61, { changing: true })]);
    assert.deepEqual(seqs(open().entries("general")), seqs(all.slice(10)));
    assert.deepEqual([open().entries("random"), open("eve").entries("general"), open("eve").rooms], [[], [], []]);
  });

  it("is of the last six rooms, and of no more than what leaves room for the rest", () => {
    for (let room = 1; room <= 8; room++) {
      now += 1;
      open().keep(`room ${room}`, [entry(1)]);
    }
    assert.deepEqual(open().rooms, [8, 7, 6, 5, 4, 3].map((room) => `room ${room}`));
    open().keep("long", Array.from({ length: 50 }, (_, index) => entry(index + 1, { text: "x".repeat(4000) })));
    const kept = open().entries("long");
    assert.ok(kept.length > 5 && kept.length < 30 && kept.at(-1).seq === 50, `${kept.length} kept`);
  });

  it("is gone when it is forgotten, and when nothing is there any more", () => {
    for (const forget of [(memory) => memory.forget("general"), (memory) => memory.keep("general", [])]) {
      open().keep("general", [entry(1)]);
      forget(open());
      assert.deepEqual([open().entries("general"), browser.items.size], [[], 0]);
    }
  });

  it("is nothing if another program wrote to its key", () => {
    for (const nonsense of ["not JSON", "null", "7", '{"entries": 3}', '{"entries": [null, {"kind": "message"}]}']) {
      browser.items.set("roomcast.seen ada general", nonsense);
      assert.deepEqual(open().entries("general"), []);
    }
  });
});

describe("a ban", () => {
  const ban = { action: "ban", user: "u-ada", moderator: "Mia", seconds: 600, expiresIn: 600 };

  it("is told with its reason after a reload, until it ends", () => {
    new Absence("general", open()).onBan(ban);
    const later = new Absence("general", open());
    assert.equal(later.reason, "");
    later.begin("forbidden"); // The server does not say why.
    assert.match(later.reason, /^Mia banned you until .* You are let in again in (10:00|9:59)\.$/);
    assert.ok(Math.abs(later.until - NOW - 600_000) < 60_000);
    now += 700_000;
    const after = new Absence("general", open());
    after.begin("forbidden");
    assert.deepEqual([after.reason, after.until], ["You may not enter this room, or not now.", 0]);
  });

  it("is of its room, and forgotten when it ends early or the user is back", () => {
    for (const end of [(absence) => absence.onBan({ ...ban, seconds: 0, expiresIn: 0 }), (absence) => absence.end()]) {
      const absence = new Absence("general", open());
      absence.onBan(ban);
      assert.deepEqual([open().ban("random"), open("eve").ban("general")], [null, null]);
      end(absence);
      assert.deepEqual([open().ban("general"), browser.items.size], [null, 0]);
    }
  });

  it("takes with it what was seen there, which the user may not read now", () => {
    open().keep("general", [entry(1)]);
    new Absence("general", open()).begin("closed");
    assert.equal(open().entries("general").length, 1);
    new Absence("general", open()).begin("forbidden");
    assert.equal(open().entries("general").length, 0);
  });

  it("is not the reason of another absence", () => {
    const absence = new Absence("general", open());
    absence.onBan(ban);
    absence.begin("closed");
    assert.deepEqual([absence.reason, absence.until], ["You are not connected.", 0]);
  });
});
