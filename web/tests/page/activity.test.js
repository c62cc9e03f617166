import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { whatWasDone, whoIsHere, whoIsWriting } from "../../page/text/activity.js";

const people = (...names) => names.map((name) => ({ user: `u-${name}`, name }));

it("says how many are here, and whether that is a guess", () => {
  assert.equal(whoIsHere({ count: 3, approximate: false }), "3 here");
  assert.equal(whoIsHere({ count: 1234, approximate: true }), "about 1,234 here");
});

it("says who is writing, by name as long as there are few", () => {
  assert.equal(whoIsWriting([]), "");
  assert.equal(whoIsWriting(people("Ada")), "Ada is writing…");
  assert.equal(whoIsWriting(people("Ada", "Bob")), "Ada and Bob are writing…");
  assert.equal(whoIsWriting(people("Ada", "Bob", "Cy")), "Several people are writing…");
});

describe("what a moderator did", () => {
  const later = new Date(Date.now() + 3 * 24 * 3600_000).toISOString();
  const before = new Date(Date.now() - 1000).toISOString();
  const said = (act, whom = "Bob") => whatWasDone({ moderator: "Mia", ...act }, whom);

  it("to a person has its end, in the reader's own time", () => {
    const day = new Date(later).getDate();
    assert.match(said({ action: "mute", until: later }), new RegExp(`^Mia muted Bob until .*${day}.*\\.$`));
    assert.match(said({ action: "ban", until: later }, "you"), new RegExp(`^Mia sent you out until .*${day}.*\\.$`));
  });

  it("to a person is ended by a time that does not lie ahead", () => {
    assert.equal(said({ action: "mute", until: before }), "Mia lets Bob write again.");
    assert.equal(said({ action: "ban", until: before }), "Mia lets Bob in again.");
    assert.equal(said({ action: "ban", until: later, seconds: 0 }), "Mia lets Bob in again.");
    assert.match(said({ action: "ban", until: before, seconds: 60 }), /^Mia sent Bob out until/);
  });

  it("to a room is told, too", () => {
    assert.equal(said({ action: "lock", locked: true }), "Mia locked the room: it can be read, and nobody can write.");
    assert.equal(said({ action: "lock", locked: false }), "Mia unlocked the room.");
    assert.equal(said({ action: "slow_mode", seconds: 0 }), "Mia ended the slow mode.");
  });

  const spans = [
    [1, "a second"],
    [30, "30 seconds"],
    [60, "a minute"],
    [90, "90 seconds"],
    [3600, "an hour"],
    [7200, "2 hours"],
  ];
  for (const [seconds, span] of spans) {
    it(`slows the room down to one message in ${span}`, () => {
      assert.equal(said({ action: "slow_mode", seconds }), `Mia slowed the room down: each person can write once in ${span}.`);
    });
  }

  it("is nothing to be said where nobody knows the act", () => {
    assert.equal(said({ action: "applaud" }), "");
  });
});
