import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { searchedText } from "../../../page/words/search.js";

const found = { messages: [], searched: 3200, backTo: "2026-06-04T12:00:00Z", earlier: "more" };
const text = (changes) => searchedText({ ...found, ...changes }, new Date("2026-11-29T12:00:00Z"));

describe("what a search has done", () => {
  it("is how far it has looked, with the year of another one", () => {
    assert.equal(text(), "Nothing found. Looked through 3,200 messages, back to June 4.");
    assert.equal(text({ messages: [{}], backTo: "2025-06-04T12:00:00Z" }), "1 found. Looked through 3,200 messages, back to June 4, 2025.");
    assert.equal(text({ searched: 0, backTo: "" }), "Nothing found. Looked through 0 messages.");
  });

  it("is that it has found enough", () => {
    assert.equal(text({ messages: Array(200).fill({}), earlier: "full" }), "The newest 200 found. Search for other words to find fewer.");
  });

  it("is that it looks further, has looked through all, or could not", () => {
    assert.equal(text({ messages: [{}, {}], earlier: "searching" }), "2 found. Looking further back…");
    assert.equal(text({ searched: 1, earlier: "start" }), "Nothing found. Looked through all 1 message.");
    assert.equal(text({ earlier: "failed" }), "Nothing found. Earlier messages could not be loaded.");
  });
});
