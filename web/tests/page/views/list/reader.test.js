import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";

import { Reader } from "../../../../page/views/list/reader.js";

let reader, told, isFocused;
const seqs = (type) => told.filter(([name]) => name === type).map(([, detail]) => detail);

/** Stands in for the browser's window and document. */
function attend(focused) {
  isFocused = focused;
  document.dispatchEvent(new Event("visibilitychange"));
}

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  isFocused = true;
  globalThis.document = Object.assign(new EventTarget(), { hidden: false, hasFocus: () => isFocused });
  globalThis.addEventListener = () => {};
  reader = new Reader();
  told = [];
  for (const type of ["look", "seen", "attention"]) {
    reader.addEventListener(type, ({ detail }) => told.push([type, detail]));
  }
});

afterEach(() => mock.timers.reset());

describe("a reader", () => {
  it("looks at a message at once, and has seen it after a second", () => {
    reader.look(5);
    assert.deepEqual(told, [["look", 5]]);
    mock.timers.tick(999);
    assert.deepEqual(seqs("seen"), []);
    mock.timers.tick(1);
    assert.deepEqual(seqs("seen"), [5]);
  });

  it("sees what comes all the time, a second later each time", () => {
    for (const seq of [1, 2, 3, 4]) {
      reader.look(seq);
      mock.timers.tick(600);
    }
    assert.deepEqual(seqs("look"), [1, 2, 3, 4]);
    assert.deepEqual(seqs("seen"), [1, 2]);
    mock.timers.tick(1_000);
    assert.deepEqual(seqs("seen"), [1, 2, 4]);
  });

  it("has neither looked nor seen while the window has no focus, and does both on coming back", () => {
    reader.look(1);
    mock.timers.tick(1_000);
    attend(false);
    reader.look(2);
    mock.timers.tick(5_000);
    assert.deepEqual([seqs("look"), seqs("seen")], [[1], [1]]);
    attend(true);
    mock.timers.tick(1_000);
    assert.deepEqual([seqs("look"), seqs("seen"), seqs("attention")], [[1, 2], [1, 2], [false, true]]);
  });

  it("has not seen what was in view for less than a second before they went", () => {
    reader.look(1);
    mock.timers.tick(900);
    attend(false);
    mock.timers.tick(900);
    assert.deepEqual(seqs("seen"), []);
  });

  it("never goes back, and begins again in another room", () => {
    reader.look(9);
    mock.timers.tick(1_000);
    reader.look(3);
    mock.timers.tick(1_000);
    assert.deepEqual([seqs("look"), seqs("seen")], [[9], [9]]);
    reader.reset();
    reader.look(3);
    mock.timers.tick(1_000);
    assert.deepEqual([seqs("look"), seqs("seen")], [[9, 3], [9, 3]]);
  });
});
