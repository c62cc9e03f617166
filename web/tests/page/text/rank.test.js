import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { rank } from "../../../page/text/rank.js";

const found = (query, ...texts) => rank(query, texts.map((text) => ({ text }))).map(({ text }) => text);

describe("what a query may mean", () => {
  it("begins with it, then has a word that does, then holds it, then has its letters in order", () => {
    const texts = ["descale", "made standard", "idesign", "big-design", "Design team", "random"];
    assert.deepEqual(found("des", ...texts), ["descale", "Design team", "big-design", "idesign", "made standard"]);
  });

  it("keeps its order among equals", () => assert.deepEqual(found("r", "ra", "rb", "rc"), ["ra", "rb", "rc"]));

  it("is all, for an empty query", () => assert.deepEqual(found("", "b", "a"), ["b", "a"]));

  it("is compared without case and accents", () => assert.deepEqual(found("CAFE", "café", "tea"), ["café"]));
});
