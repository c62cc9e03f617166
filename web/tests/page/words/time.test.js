import assert from "node:assert/strict";
import { it } from "node:test";

import { exactTime, shortTime } from "../../../page/words/time.js";

const at = (day, hour, minute = 0) => new Date(2026, 10, day, hour, minute);

it("tells the day of a time, unless it is today", () => {
  for (const format of [shortTime, exactTime]) {
    assert.doesNotMatch(format(at(28, 23, 50), at(28, 23, 59)), /28/);
    assert.match(format(at(28, 23, 50), at(29, 0, 1)), /28/);
    assert.doesNotMatch(format(at(28, 23, 50), at(29, 0, 1)), /2026/);
    assert.match(format(at(28, 23, 50), new Date(2027, 0, 1)), /2026/);
  }
});
