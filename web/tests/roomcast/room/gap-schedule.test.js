import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { GAPS, GapSchedule } from "../../../roomcast/room/log/gap-schedule.js";

const NOW = 1_000_000;
const gap = (since) => ({ from: 7, to: 9, since });

let random, schedule;

/** The pauses after so many attempts in a row that did not find the gap. */
function pauses(attempts, more) {
  return Array.from({ length: attempts }, () => {
    schedule.onMiss(NOW, more);
    return schedule.delay(gap(0), NOW);
  });
}

beforeEach(() => {
  random = 0.5; // the middle of each pause
  schedule = new GapSchedule(() => random);
});

describe("the first request for a gap", () => {
  it("waits until the gap is as old as a broadcast may be late", () => {
    assert.equal(schedule.delay(gap(NOW), NOW), GAPS.lag);
    assert.equal(schedule.delay(gap(NOW - 400), NOW), GAPS.lag - 400);
  });

  it("comes at once for an older gap", () => {
    assert.equal(schedule.delay(gap(NOW - GAPS.timeout), NOW), 0);
  });
});

describe("the next request for a gap", () => {
  it("has doubling pauses, up to a bound", () => {
    assert.deepEqual(pauses(6, true), [1, 2, 4, 8, 8, 8].map((lags) => lags * GAPS.lag));
    assert.equal(GAPS.pause, 8 * GAPS.lag);
  });

  it("has longer pauses if the room has nothing after the gap", () => {
    assert.deepEqual(pauses(8, false).slice(-3), [32 * GAPS.lag, GAPS.pauseAtEnd, GAPS.pauseAtEnd]);
  });

  it("is spread over a half of the pause", () => {
    random = 0;
    assert.deepEqual(pauses(1, true), [0.75 * GAPS.lag]);
    random = 1;
    assert.deepEqual(pauses(1, true), [1.25 * 2 * GAPS.lag]);
  });

  it("comes at once if the server has more entries, and something was found", () => {
    schedule.onProgress(NOW, true);
    assert.equal(schedule.delay(gap(NOW), NOW), 0);
    schedule.onMiss(NOW, true);
    assert.equal(schedule.delay(gap(NOW), NOW), GAPS.lag);
  });

  it("begins with short pauses again after progress", () => {
    pauses(6, true);
    schedule.onProgress(NOW);
    assert.equal(schedule.delay(gap(0), NOW), GAPS.lag);
    assert.deepEqual(pauses(2, true), [GAPS.lag, 2 * GAPS.lag]);
  });

  it("comes soon after a newer entry, if the gap was the end of the log", () => {
    pauses(8, false);
    schedule.onNewerEntry(NOW);
    assert.equal(schedule.delay(gap(0), NOW), GAPS.lag);
  });

  it("keeps its pause after a newer entry, if the gap was not the end of the log", () => {
    const [pause] = pauses(4, true).slice(-1);
    schedule.onNewerEntry(NOW);
    assert.equal(schedule.delay(gap(0), NOW), pause);
  });
});

describe("a gap that a request did not fill", () => {
  it("has timed out if it was old enough when the request was sent", () => {
    assert.equal(schedule.hasTimedOut(gap(NOW), NOW + GAPS.timeout - 1), false);
    assert.equal(schedule.hasTimedOut(gap(NOW), NOW + GAPS.timeout), true);
  });

  it("times out sooner in the history that the room begins with", () => {
    assert.equal(schedule.hasTimedOut(gap(NOW), NOW + GAPS.startTimeout - 1, true), false);
    assert.equal(schedule.hasTimedOut(gap(NOW), NOW + GAPS.startTimeout, true), true);
  });
});
