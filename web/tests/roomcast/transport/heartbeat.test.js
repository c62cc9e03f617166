import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Heartbeat } from "../../../roomcast/transport/heartbeat.js";
import { FakeTime } from "../../support/time.js";

const INTERVAL = 30_000;

let time, began, dueAt, beats, wakes, heartbeat;

beforeEach(() => {
  time = new FakeTime();
  began = time.elapsed();
  dueAt = began + INTERVAL;
  beats = [];
  wakes = [];
  const beat = () => beats.push(time.elapsed() - began);
  const onWake = () => wakes.push(time.elapsed() - began);
  heartbeat = new Heartbeat(INTERVAL, { dueAt: () => dueAt, beat, onWake, clock: time });
});

describe("a heartbeat", () => {
  it("beats once per interval while it is due", async () => {
    heartbeat.start();
    await time.pass(2.5 * INTERVAL);
    assert.deepEqual(beats, [INTERVAL, 2 * INTERVAL]);
  });

  it("waits until it is due, which may be later and earlier again", async () => {
    heartbeat.start();
    await time.pass(10_000);
    dueAt = began + 10 * INTERVAL;
    await time.pass(2 * INTERVAL);
    dueAt = time.elapsed() + INTERVAL;
    await time.pass(INTERVAL);
    assert.deepEqual([beats, wakes], [[10_000 + 3 * INTERVAL], []]);
  });

  it("has one timer after several starts, and none after a stop", async () => {
    heartbeat.start();
    heartbeat.start();
    await time.pass(INTERVAL);
    assert.deepEqual(beats, [INTERVAL]);
    heartbeat.stop();
    assert.equal(time.waiting, 0);
  });

  it("finds that its timer stood still, and no sleep where a hidden page's timer is late", async () => {
    dueAt = began + 20 * INTERVAL;
    heartbeat.start();
    time.setForward(0.9 * INTERVAL);
    await time.pass(INTERVAL);
    assert.deepEqual(wakes, []);
    time.setForward(INTERVAL);
    await time.pass(5 * INTERVAL);
    assert.deepEqual([wakes, beats], [[2 * INTERVAL], []]);
  });
});
