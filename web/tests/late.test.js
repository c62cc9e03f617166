import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Late, loadLateParts, whenMissing } from "../page/late.js";

/** A part whose loading the test ends, as often as it was begun. */
function slowPart() {
  const loadings = [];
  const late = new Late(() => new Promise((resolve, reject) => loadings.push({ resolve, reject })));
  return { late, loadings };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("a late part", () => {
  it("is loaded once for all who use it meanwhile, and then used at once", async () => {
    const { late, loadings } = slowPart();
    const used = [];
    late.use((part) => used.push(["one", part]));
    late.use((part) => used.push(["two", part]));
    assert.deepEqual([used, late.part], [[], undefined]);
    loadings[0].resolve("part");
    await settled();
    assert.deepEqual(used, [["one", "part"], ["two", "part"]]);
    late.use((part) => used.push(["three", part]));
    assert.equal(used.length, 3);
    assert.equal(loadings.length, 1);
  });

  it("that cannot be loaded is told of, and loaded again at its next use", async () => {
    const { late, loadings } = slowPart();
    const told = [];
    const used = [];
    whenMissing((error) => told.push(error));
    late.use((part) => used.push(part));
    late.use((part) => used.push(part), () => told.push("of its own"));
    loadings[0].reject("offline");
    await settled();
    assert.deepEqual([told, used], [["offline", "of its own"], []]);
    late.use((part) => used.push(part));
    loadings[1].resolve("part");
    await settled();
    assert.deepEqual([told.length, used], [2, ["part"]]);
  });

  it("is loaded with all others, whether these can be loaded or not", async () => {
    const missing = new Late(() => Promise.reject(new Error("offline")));
    const late = new Late(() => Promise.resolve("part"));
    await loadLateParts();
    assert.deepEqual([missing.part, late.part], [undefined, "part"]);
  });
});
