import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { countText, fieldText, moderationText, obstacleText, typingText } from "../../../page/words/activity.js";
import { shortTime } from "../../../page/words/time.js";

const people = (...names) => names.map((name) => ({ user: `u-${name}`, name, tag: "" }));

it("says how many are here, and if the count is approximate", () => {
  assert.equal(countText({ count: 3, approximate: false }), "3 here");
  assert.equal(countText({ count: 1234, approximate: true }), "about 1,234 here");
});

it("names up to two users who are typing", () => {
  assert.equal(typingText([]), "");
  assert.equal(typingText(people("Ada")), "Ada is writing…");
  assert.equal(typingText(people("Ada", "Bob")), "Ada and Bob are writing…");
  assert.equal(typingText(people("Ada", "Bob", "Cy")), "Several people are writing…");
});

it("shortens long names of users who are typing, and tells equal ones apart", () => {
  const [long, one, other] = people("Bartholomew the Third", "Ada", "Ada");
  assert.equal(typingText([long]), "Bartholomew the Thi… is writing…");
  assert.equal(typingText([{ ...one, tag: "6f06" }, { ...other, tag: "2830" }]), "Ada (6f06) and Ada (2830) are writing…");
});

describe("the text about a moderator's action", () => {
  const threeDays = 3 * 24 * 3600;
  const text = (fields, name = "Bob", cameAt) => moderationText({ moderator: "Mia", ...fields }, name, cameAt);

  it("says when a ban or a mute ends, and on which day unless it is today", () => {
    const day = new Date(Date.now() + threeDays * 1000).getDate();
    const end = { seconds: threeDays, expiresIn: threeDays };
    assert.match(text({ action: "mute", ...end }), new RegExp(`^Mia muted Bob until .*\\b${day}\\b.*\\.$`));
    assert.match(text({ action: "ban", ...end }, "you"), new RegExp(`^Mia banned you until .*\\b${day}\\b.*\\.$`));
    const yesterday = new Date(Date.now() - threeDays * 1000);
    const past = text({ action: "mute", seconds: 60, expiresIn: 60 }, "Bob", yesterday.valueOf());
    assert.match(past, new RegExp(`\\b${new Date(yesterday.valueOf() + 60_000).getDate()}\\b`)); // read later
  });

  it("goes by the clock of this computer, which may be wrong, and not by the server's", () => {
    const cameAt = new Date(2026, 10, 28, 12).valueOf();
    const fields = { action: "mute", seconds: 600, expiresIn: 300 };
    for (const until of ["2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z", undefined]) {
      assert.equal(text({ ...fields, until }, "Bob", cameAt), `Mia muted Bob until ${shortTime(new Date(2026, 10, 28, 12, 5))}.`);
    }
  });

  it("says that a ban or a mute has ended", () => {
    assert.equal(text({ action: "mute", seconds: 0, expiresIn: 0 }), "Mia unmuted Bob.");
    assert.equal(text({ action: "ban", seconds: 0, expiresIn: 0 }), "Mia unbanned Bob.");
    assert.match(text({ action: "ban", seconds: 60, expiresIn: 0 }), /^Mia banned Bob until/); // It came late.
  });

  it("says what was done to the room", () => {
    assert.equal(text({ action: "lock", locked: true }), "Mia locked the room: only moderators can write.");
    assert.equal(text({ action: "lock", locked: false }), "Mia unlocked the room.");
    assert.equal(text({ action: "slow_mode", seconds: 0 }), "Mia ended slow mode.");
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
    it(`says that slow mode allows one message in ${span}`, () => {
      const expected = `Mia started slow mode: each user can write once in ${span}.`;
      assert.equal(text({ action: "slow_mode", seconds }), expected);
    });
  }

  it("is empty for an unknown action", () => {
    assert.equal(text({ action: "applaud" }), "");
  });
});

describe("what stands in place of the field, and in it", () => {
  const open = { mayWrite: true, locked: false, slowMode: 0, mutedUntil: null, readOnly: false, moderator: false };

  it("says that nothing can be sent, and why", () => {
    const mutedUntil = new Date(Date.now() + 600_000);
    assert.match(obstacleText({ ...open, mayWrite: false, locked: true }), /^This room is locked/);
    assert.match(obstacleText({ ...open, mayWrite: false, mutedUntil }), /^A moderator muted you until .+\.$/);
    assert.match(obstacleText({ ...open, mayWrite: false, mutedUntil }, "Mia"), /^Mia muted you until .+\.$/);
    assert.match(obstacleText({ ...open, mayWrite: false, readOnly: true }), /^You can read in this room/);
  });

  it("is for a message otherwise", () => {
    assert.equal(fieldText("tea", undefined), "Message #tea");
    assert.equal(fieldText("tea", open), "Message #tea");
    assert.equal(fieldText("tea", { ...open, slowMode: 60 }), "Message #tea, once in a minute");
    assert.equal(fieldText("tea", { ...open, slowMode: 60, locked: true, moderator: true }), "Message #tea");
    assert.equal(obstacleText({ ...open, locked: true, moderator: true }), "");
  });
});
