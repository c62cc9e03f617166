import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";

import { FakeLog } from "./support/page/fake-log.js";
import { fakeDocument } from "./support/page/fake-document.js";

fakeDocument();
const { Finding } = await import("../page/finding.js");

const PAUSE = 250;
let rooms, finding;
const element = (selector) => document.querySelector(selector);
const settled = () => new Promise((resolve) => setImmediate(resolve));
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

describe("the result of a search", () => {
  it("stays while further ones come, and so does the focus on it, or on the button that asks for them", async () => {
    const earlier = { ...rooms.open.newest[0], seq: 1 };
    rooms.open.newest[0].seq = 2;
    rooms.open.log = new FakeLog([earlier, rooms.open.newest[0]]);
    rooms.open.history.hasEarlier = true;
    element("#query").type("needle");
    mock.timers.tick(PAUSE);
    const [first] = element("#results").children;
    element("#further").dispatchEvent(new Event("click"));
    assert.deepEqual([element("#further").ariaDisabled, element("#further").disabled], ["true", undefined]);
    await settled();
    assert.equal(results(), 2);
    assert.equal(element("#results").children[0], first);
  });
});

describe("a day", () => {
  const goTo = (day) => {
    element("#go-to-day").value = day;
    element("#go-to-day").dispatchEvent(new Event("change"));
  };
  /** Answer the requests of the log only when the test says so. */
  function hold(log) {
    const answered = new Promise((resolve) => (log.answer = resolve));
    log.history = (range) => answered.then(() => FakeLog.prototype.history.call(log, range));
    return log.answer;
  }

  it("that was asked for last is gone to, also if an earlier one is found later", async () => {
    const { log, gone } = rooms.open;
    const answer = hold(log);
    goTo("2026-01-01");
    delete log.history;
    goTo("2027-01-01");
    await settled();
    answer();
    await settled();
    assert.deepEqual(gone, []);
    assert.equal(element("#searched").textContent, "Nobody has written since that day.");
  });

  it("moves no room that was left meanwhile", async () => {
    const { log, gone } = rooms.open;
    const answer = hold(log);
    goTo("2026-01-01");
    rooms.open = roomWith("elsewhere");
    answer();
    await settled();
    assert.deepEqual(gone, []);
  });

  it("whose year is only half typed is not gone to", async () => {
    element("#go-to-day").validity.valid = false;
    goTo("0202-01-01");
    await settled();
    assert.deepEqual(rooms.open.gone, []);
    element("#go-to-day").validity.valid = true;
    goTo("2026-01-01");
    await settled();
    assert.deepEqual(rooms.open.gone, [1]);
  });
});
