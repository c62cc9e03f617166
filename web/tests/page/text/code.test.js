import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { coloured } from "../../../page/text/code.js";
import { randomFrom } from "../../support/time.js";
import { randomText } from "../../support/page/texts.js";

/** @returns {string[]} the coloured pieces */
const colours = (code) => coloured(code).filter(({ kind }) => kind !== "plain").map(({ kind, text }) => `${kind} ${text}`);

/** Code, and its coloured pieces. */
const TABLE = [
  ['const a = "b\\"c" + 1.5e3; // of x', ["keyword const", 'string "b\\"c"', "number 1.5e3", "comment // of x"]],
  ["def f(x2): # it's\n  return None", ["keyword def", "comment # it's", "keyword return", "keyword None"]],
  ["/* a\n'b' */ 'c' `d\ne`", ["comment /* a\n'b' */", "string 'c'", "string `d\ne`"]],
  ["curl https://a.test/#x don't forever", []],
  ["select 1 -- one\n#fff a.class my-class $if", ["number 1", "comment -- one"]],
  ['"open\nnew', ['string "open', "keyword new"]],
  ["<!-- open\nnew", ["comment <!-- open\nnew"]],
];

describe("the colours of code", () => {
  for (const [code, pieces] of TABLE) it(`of ${JSON.stringify(code)}`, () => assert.deepEqual(colours(code), pieces));

  it("lose no character, whatever the code", () => {
    const random = randomFrom(3);
    const pieces = ['"', "'", "`", "\\", "/*", "*/", "//", "#", " ", "\n", "if", "1", ".", "a", "<!--", "-->", "😀", "\ud83d"];
    for (let round = 0; round < 1000; round++) {
      const code = randomText(random, pieces, 30);
      assert.equal(coloured(code).map(({ text }) => text).join(""), code);
    }
  });

  it("take time in proportion to the code, however hostile", () => {
    for (const piece of ['"', '\\"', "'", "a'", "`\\", "/*", "<!--", "//", "# ", "1.", "if", " "]) {
      assert.ok(coloured(piece.repeat(100_000 / piece.length)).length > 0);
    }
  });
});
