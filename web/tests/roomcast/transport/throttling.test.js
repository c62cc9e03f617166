import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeTime, randomFrom } from "../../support/time.js";

const SECOND = 1_000;

let time, server;

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  server.delayIn = server.delayOut = () => 30;
});

/** Return a function that is true for each frame beyond `rate` per second and `burst` at once, as a stage's throttle. */
function throttle(rate, burst) {
  let [tokens, at] = [burst, time.now()];
  return () => {
    tokens = Math.min(burst, tokens + ((time.now() - at) / SECOND) * rate);
    at = time.now();
    if (tokens < 1) return true;
    tokens--;
    return false;
  };
}

/** Join `rooms` rooms with each of `count` clients, and return the seconds and frames until all are joined. */
async function joinAll(count, rooms) {
  const random = randomFrom(7);
  const clients = Array.from({ length: count }, (_, index) => new Client(server, { client: `c${index}`, random }));
  const names = Array.from({ length: rooms }, (_, index) => `room-${index}`);
  for (const { chat } of clients) for (const name of names) chat.join(name);
  const all = clients.flatMap(({ chat }) => chat.joined);
  let seconds = 0;
  while (all.some(({ state }) => state !== "joined") && seconds < 300) await time.pass(SECOND), seconds++;
  const result = { seconds, frames: server.received.length };
  for (const { chat } of clients) chat.close();
  return result;
}

describe("a stage that throttles 20 frames per second", () => {
  beforeEach(() => {
    server.isThrottled = throttle(20, 20);
  });

  it("gets few more frames than it needs from a client of many rooms", async () => {
    const { seconds, frames } = await joinAll(1, 45);
    assert.ok(frames <= 1.5 * 45 && seconds <= 10, `${frames} frames, ${seconds} s`);
  });

  it("is not flooded by many clients together", async () => {
    const { seconds, frames } = await joinAll(20, 20);
    assert.ok(frames <= 3 * 400 && seconds <= 60, `${frames} frames, ${seconds} s`);
  });
});

/** @returns the frames per second that a client of 45 rooms sends in the fifth minute of an outage */
async function rateInOutage() {
  const { chat } = new Client(server, { random: randomFrom(3) });
  for (let index = 0; index < 45; index++) chat.join(`room-${index}`).catch(() => {});
  await time.pass(240 * SECOND);
  const before = server.received.length;
  await time.pass(60 * SECOND);
  chat.close();
  return (server.received.length - before) / 60;
}

describe("an outage", () => {
  it("of all frames gets one small round at a time, with growing pauses", async () => {
    server.isThrottled = () => true;
    const rate = await rateInOutage();
    assert.ok(rate < 0.2, `${rate} frames per second`);
  });

  for (const code of ["internal", "rate_limited"]) {
    it(`that is answered with ${code} gets growing pauses per room`, async () => {
      server.error = () => ({ code, retry_after: code === "rate_limited" ? 0.1 : undefined });
      const rate = await rateInOutage();
      assert.ok(rate < 5, `${rate} frames per second`);
    });
  }
});
