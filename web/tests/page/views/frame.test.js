import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Frame } from "../../../page/views/frame.js";

/** Frames and timers that come when a test says so. */
class FakeTimers {
  frames = new Map();
  timers = new Map();
  #last = 0;

  requestAnimationFrame(run) {
    this.frames.set(++this.#last, run);
    return this.#last;
  }

  setTimeout(run, delay) {
    assert.equal(delay, 200);
    this.timers.set(++this.#last, run);
    return this.#last;
  }

  cancelAnimationFrame(id) {
    this.frames.delete(id);
  }

  clearTimeout(id) {
    this.timers.delete(id);
  }

  fire(runs) {
    const due = [...runs.values()];
    runs.clear();
    for (const run of due) run();
  }
}

let timers, frame, drawn;
const [list, title] = [{}, {}];
const draw = (name) => () => drawn.push(name);

beforeEach(() => {
  timers = new FakeTimers();
  frame = new Frame(timers);
  drawn = [];
});

describe("a frame", () => {
  it("draws each view once, the newest that was asked for", () => {
    frame.ask(list, draw("list 1"));
    frame.ask(title, draw("title"));
    frame.ask(list, draw("list 2"));
    assert.deepEqual([drawn, timers.frames.size], [[], 1]);
    timers.fire(timers.frames);
    assert.deepEqual([drawn, timers.timers.size], [["list 2", "title"], 0]);
    timers.fire(timers.frames);
    assert.equal(drawn.length, 2);
  });

  it("comes from a timer in a hidden tab, and then not again", () => {
    frame.ask(list, draw("list"));
    timers.fire(timers.timers);
    assert.deepEqual([drawn, timers.frames.size], [["list"], 0]);
  });

  it("may be asked for while another one is drawn", () => {
    frame.ask(list, () => frame.ask(list, draw("again")));
    timers.fire(timers.frames);
    assert.deepEqual(drawn, []);
    timers.fire(timers.frames);
    assert.deepEqual(drawn, ["again"]);
  });
});
