import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Backoff } from "../../../roomcast/transport/backoff.js";

const delays = (backoff, count) => Array.from({ length: count }, () => backoff.next());

describe("a backoff", () => {
  it("doubles the bound of its random delays up to the maximum", () => {
    assert.deepEqual(delays(new Backoff(() => 1, { first: 100, max: 500 }), 5), [100, 200, 400, 500, 500]);
  });

  it("uses the whole range from zero to the bound", () => {
    assert.deepEqual(delays(new Backoff(() => 0, { first: 100 }), 2), [0, 0]);
    assert.deepEqual(delays(new Backoff(() => 0.25, { first: 100 }), 2), [25, 50]);
  });

  it("begins again after a reset", () => {
    const backoff = new Backoff(() => 1, { first: 100 });
    delays(backoff, 4);
    backoff.reset();
    assert.equal(backoff.next(), 100);
  });

  it("stays bounded after thousands of retries", () => {
    const backoff = new Backoff(() => 1, { first: 100, max: 500 });
    assert.deepEqual(delays(backoff, 5_000).slice(-1), [500]);
  });
});
