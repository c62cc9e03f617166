import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Heartbeat } from "../../../roomcast/transport/heartbeat.js";
import { FakeTime } from "../../support/time.js";

const INTERVAL = 30_000;

let time, began, lastActivityAt, beats, heartbeat;

beforeEach(() => {
  time = new FakeTime();
  began = time.elapsed();
  lastActivityAt = began;
  beats = [];
  const beat = () => beats.push(time.elapsed() - began);
  heartbeat = new Heartbeat(INTERVAL, () => lastActivityAt, beat, time);
});

describe("a heartbeat", () => {
  it("beats once per interval of silence", async () => {
    heartbeat.start();
    await time.pass(2.5 * INTERVAL);
    assert.deepEqual(beats, [INTERVAL, 2 * INTERVAL]);
  });

  it("waits for a whole interval after the last activity", async () => {
    heartbeat.start();
    await time.pass(10_000);
    lastActivityAt = time.elapsed();
    await time.pass(INTERVAL);
    assert.deepEqual(beats, [10_000 + INTERVAL]);
  });

  it("has one timer after several starts, and none after a stop", async () => {
    heartbeat.start();
    heartbeat.start();
    await time.pass(INTERVAL);
    assert.deepEqual(beats, [INTERVAL]);
    heartbeat.stop();
    assert.equal(time.waiting, 0);
  });
});
