import assert from "node:assert/strict";
import { it } from "node:test";

import { watchDays } from "../../../page/views/midnight.js";

const at = (day, hour, minute = 0, second = 0) => new Date(2026, 10, day, hour, minute, second);

it("notices each midnight once: at once, after at most a minute in a computer that slept, or when the page is shown", () => {
  let [now, days] = [at(28, 23, 58), 0];
  const planned = [];
  const page = new EventTarget();
  const timers = { setTimeout: (run, delay) => planned.push({ run, delay }) };
  watchDays(() => days++, { now: () => now, timers, page });
  const fire = (moment) => {
    now = moment;
    planned.shift().run();
  };
  assert.equal(planned[0].delay, 60_000);
  fire(at(28, 23, 59, 30));
  assert.deepEqual([days, planned[0].delay], [0, 30_000]);
  fire(at(29, 0, 0));
  assert.equal(days, 1);
  fire(at(31, 9));
  assert.equal(days, 2);
  now = at(32, 0, 1);
  page.dispatchEvent(new Event("visibilitychange"));
  page.dispatchEvent(new Event("visibilitychange"));
  assert.equal(days, 3);
});
