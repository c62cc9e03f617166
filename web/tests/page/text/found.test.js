import assert from "node:assert/strict";
import { it } from "node:test";

import { excerpt, pieces } from "../../../page/text/found.js";

/** Return a text with brackets around what was found. */
const marked = (parts) => parts.map(({ text, isFound }) => (isFound ? `[${text}]` : text)).join("");

it("what was found is marked without regard to case, accents and the form of letters", () => {
  const cases = [
    ["Release the release", "RELEASE", "[Release] the [release]"],
    ["Café, cafe\u0301 or cafe", "cafe", "[Café], [cafe\u0301] or [cafe]"],
    ["a 🎉 party", "🎉 p", "a [🎉 p]arty"],
    ["eﬃcient", "ffi", "e[ﬃ]cient"],
    ["eﬃcient", "f", "e[ﬃ]cient"],
    ["İstanbul", "istanbul", "[İstanbul]"],
    ["aaa", "aa", "[aa]a"],
    ["nothing here", "else", "nothing here"],
    ["nothing asked", "  ", "nothing asked"],
  ];
  for (const [text, query, shown] of cases) {
    assert.equal(marked(pieces(text, query)), shown);
    assert.equal(pieces(text, query).map((piece) => piece.text).join(""), text);
  }
});

it("a long text is shown from a little before what was found", () => {
  const text = `${"hay ".repeat(200)}needle${" hay".repeat(200)}`;
  assert.match(marked(excerpt(text, "needle")), /^…(hay ){5,8}\[needle\]( hay)+/);
  assert.equal(marked(excerpt("hay needle", "needle")), "hay [needle]");
  assert.match(marked(excerpt(`${"x".repeat(500)}needle`, "needle")), /^…\[needle\]$/);
  assert.ok(marked(excerpt(text, "else")).length <= 300);
});

it("a long text is cut between characters as a reader sees them", () => {
  const family = "👩‍👩‍👧";
  assert.equal(marked(excerpt(`x${family.repeat(60)}`, "else")), `x${family.repeat(37)}`);
});
