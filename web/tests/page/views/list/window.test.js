import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { rangeAround, rangeAtEnd, rangeWhileHeld } from "../../../../page/views/list/window.js";

const view = (first) => ({ first, last: first + 15 });

describe("the window of a list", () => {
  it("has the last ones at the end", () => {
    assert.deepEqual(rangeAtEnd(5_000), { from: 4_840, to: 5_000 });
    assert.deepEqual(rangeAtEnd(50), { from: 0, to: 50 });
  });

  it("moves in large steps while messages come at the end, and never has more than 300", () => {
    let [range, steps] = [rangeAtEnd(5_000), 0];
    for (let length = 5_000; length <= 6_000; length++) {
      const next = rangeAtEnd(length, range);
      if (next.from !== range.from) steps++;
      assert.ok(next.to === length && next.to - next.from >= 160 && next.to - next.from <= 300);
      range = next;
    }
    assert.ok(steps < 10, String(steps));
    assert.deepEqual(rangeAtEnd(5_900, range), rangeAtEnd(5_900)); // The newest ones were discarded.
  });

  it("has a hundred before the first in view, and a hundred behind it", () => {
    assert.deepEqual(rangeAround(view(2_000), 5_000, { from: -1, to: -1 }), { from: 1_900, to: 2_100 });
  });

  it("stays for small steps", () => {
    const range = { from: 1_900, to: 2_100 };
    for (const first of [1_970, 2_000, 2_020]) assert.deepEqual(rangeAround(view(first), 5_000, range), range);
  });

  it("follows each way, never has more than 300, and reaches both ends", () => {
    for (const step of [1, 7, 40]) {
      for (const way of [-1, 1]) {
        let range = way < 0 ? rangeAtEnd(3_000) : { from: 0, to: 200 };
        for (let first = way < 0 ? 2_980 : 0; first >= 0 && first <= 2_980; first += way * step) {
          range = rangeAround(view(first), 3_000, range);
          assert.ok(range.from <= Math.max(0, first - 60) && range.to >= Math.min(3_000, first + 75), JSON.stringify([first, range]));
          assert.ok(range.to - range.from <= 300);
        }
        assert.equal(way < 0 ? range.from : range.to, way < 0 ? 0 : 3_000);
      }
    }
  });

  it("takes nothing in above the view while a finger holds it", () => {
    const range = { from: 200, to: 400 };
    assert.deepEqual(rangeWhileHeld(view(210), 1_000, range), range);
    assert.deepEqual(rangeWhileHeld(view(390), 1_000, range), { from: 200, to: 490 });
  });
});
