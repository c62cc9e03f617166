import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";

import { FakeLog } from "./support/page/fake-log.js";
import { fakeDocument } from "./support/page/fake-document.js";

fakeDocument();
const { Finding } = await import("../page/finding.js");

const PAUSE = 250;
let rooms, finding;
const element = (selector) => document.querySelector(selector);
const results = () => element("#results").children.length;

/** A room with one message. */
function roomWith(text) {
  const message = { kind: "message", seq: 1, name: "Ada", text, message: text, at: "2026-11-01T12:00:00Z", mine: true };
  const gone = [];
  const history = { hasEarlier: false, goTo: async (seq) => gone.push(seq) };
  return { log: new FakeLog([message]), user: "u-ada", newest: [message], history, gone };
}

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  fakeDocument();
  rooms = { open: roomWith("a needle") };
  finding = new Finding({ page: { pane: { section: "", closeIfModal() {} } }, rooms });
});

afterEach(() => mock.timers.reset());

describe("what is looked for", () => {
  it("is searched for after a pause in typing", () => {
    element("#query").type("needle");
    assert.equal(results(), 0);
    mock.timers.tick(PAUSE);
    assert.equal(results(), 1);
  });

  it("is not searched for in the next room", () => {
    element("#query").type("needle");
    rooms.open = roomWith("another needle");
    finding.onRoom();
    mock.timers.tick(PAUSE);
    assert.equal(results(), 0);
    element("#query").type("needle");
    mock.timers.tick(PAUSE);
    assert.equal(results(), 1);
  });

  it("stays found while the room stays open", () => {
    element("#query").type("needle");
    mock.timers.tick(PAUSE);
    finding.onRoom();
    assert.equal(results(), 1);
  });
});
