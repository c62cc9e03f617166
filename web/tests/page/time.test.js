import assert from "node:assert/strict";
import { it } from "node:test";

import { exactTime, shortTime, watchDays } from "../../page/text/time.js";

const at = (day, hour, minute = 0) => new Date(2026, 10, day, hour, minute);

it("tells the day of a time, unless it is today", () => {
  for (const format of [shortTime, exactTime]) {
    assert.doesNotMatch(format(at(28, 23, 50), at(28, 23, 59)), /28/);
    assert.match(format(at(28, 23, 50), at(29, 0, 1)), /28/);
  }
});

it("notices each midnight once, also in a page that slept through it", () => {
  let now = at(28, 23, 58);
  let days = 0;
  const check = watchDays(() => days++, () => now);
  for (const [moment, count] of [[at(28, 23, 59), 0], [at(29, 0, 0), 1], [at(29, 0, 1), 1], [at(29, 23, 59), 1], [at(31, 9), 2]]) {
    now = moment;
    check();
    assert.equal(days, count);
  }
});
