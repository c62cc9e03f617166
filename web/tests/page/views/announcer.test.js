import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Announcer } from "../../../page/views/announcer.js";
import { summaryAnnouncement } from "../../../page/words/announcements.js";

let lines, announcer, entries, pauses, count;

const timers = {
  setTimeout(run, delay) {
    assert.equal(delay, 2_000);
    pauses.push(run);
  },
};
const pass = () => pauses.splice(0).forEach((run) => run());
const show = (room = "general") => announcer.show(room, entries);

function come(name, text = "Hi", fields = {}) {
  entries = [...entries, { kind: "message", id: `m${++count}`, name, text, mine: false, live: true, deleted: false, ...fields }];
}

beforeEach(() => {
  [lines, entries, pauses, count] = [[], [], [], 0];
  announcer = new Announcer((line) => lines.push(line), timers);
  come("Grace", "from before", { live: false });
  show();
});

describe("a screen reader", () => {
  it("is told of a single message, once", () => {
    come("Grace", " one\n\ntwo ");
    show();
    show();
    pass();
    assert.deepEqual(lines, ["Grace: one two"]);
  });

  it("is told the beginning of a long message", () => {
    come("Grace", "👩‍👩‍👧".repeat(201));
    show();
    assert.deepEqual(lines, [`Grace: ${"👩‍👩‍👧".repeat(199)}…`]);
  });

  it("is never told of one's own messages, loaded ones, deleted ones, or another room's", () => {
    come("Ada", "mine", { mine: true });
    come("Grace", "", { deleted: true });
    show();
    entries = [{ kind: "message", id: "m0", name: "Ken", text: "earlier", mine: false, live: false, deleted: false }, ...entries];
    show();
    entries = [];
    come("Ken", "elsewhere");
    show("random");
    assert.deepEqual(lines, []);
    come("Ken", "here");
    show("random");
    assert.deepEqual(lines, ["Ken: here"]);
  });

  it("is not told the history that comes after the room was shown", () => {
    entries = [];
    show("random");
    come("Ken", "from before", { live: false });
    show("random");
    assert.deepEqual(lines, []);
  });

  it("is told at most one line in two seconds, and two messages one by one", () => {
    for (const text of ["one", "two", "three"]) {
      come("Grace", text);
      show();
    }
    assert.deepEqual(lines, ["Grace: one"]);
    pass();
    pass();
    pass();
    assert.deepEqual(lines, ["Grace: one", "Grace: two", "Grace: three"]);
  });

  it("is told the number of more", () => {
    for (let number = 0; number < 7; number++) come(["Grace", "Ken", "Radia", "Barbara"][number % 4]);
    show();
    assert.deepEqual(lines, ["7 new messages, from Grace, Ken and 2 more"]);
  });

  it("is told that a message of one's own was not sent, each time", () => {
    for (const delivery of ["sending", "failed", "failed", "sending", "failed"]) {
      entries = [{ kind: "message", id: "mine", mine: true, live: true, delivery, code: "rate_limited", replyTo: 0 }];
      show();
      pass();
    }
    assert.equal(lines.length, 2);
    assert.match(lines[0], /^Not sent: You are writing faster/);
  });

  it("is told what happened in the room", () => {
    entries = [...entries, { kind: "note", id: "n", text: "Mona locked the room.", live: true }];
    show();
    assert.deepEqual(lines, ["Mona locked the room."]);
  });
});

it("names up to three people", () => {
  const from = (...names) => summaryAnnouncement(names.map((name) => ({ name })));
  assert.equal(from("Grace", "Grace", "Grace"), "3 new messages, from Grace");
  assert.equal(from("Grace", "Ken", "Grace"), "3 new messages, from Grace and Ken");
  assert.equal(from("Grace", "Ken", "Radia"), "3 new messages, from Grace, Ken and Radia");
});
