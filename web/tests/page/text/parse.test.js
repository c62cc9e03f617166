import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { parse } from "../../../page/text/parse.js";
import { randomFrom } from "../../support/time.js";
import { randomText } from "../../support/page/texts.js";

const NAMES = ["Ada", "Ada Lovelace", "x.*", "Łukasz"];
/** @returns {string} a text without the characters that may be marks, and without spaces */
const unmarked = (text) => text.replace(/[`*_\s]/g, "");

/** @returns {string[]} the parts, each as its kind and text; a text without its kind */
const read = (text) =>
  parse(text, NAMES).map(({ kind, text, language }) => (kind === "text" ? text : `${kind}${language && `(${language})`}: ${text}`));

/** The text and its parts. */
const TABLE = [
  ["", []],
  ["plain\n\ntext ", ["plain\n\ntext "]],
  ["`a*b*` and ``c`` and ```d```", ["code: a*b*", " and ", "code: c", " and ", "code: d"]],
  ["`open and\nclosed`", ["`open and\nclosed`"]],
  ["so *very* _fine_.", ["so ", "strong: very", " ", "emphasis: fine", "."]],
  ["2*3*4 snake_case_name a * b * c __init__ **", ["2*3*4 snake_case_name a * b * c __init__ **"]],
  ["naïve_é_x *é*", ["naïve_é_x ", "strong: é"]],
  ["see https://a.test/b.", ["see ", "link: https://a.test/b", "."]],
  ["(http://a.test/b_(c)) [HTTP://a.test/]", ["(", "link: http://a.test/b_(c)", ") [", "link: HTTP://a.test/", "]"]],
  ["https://a.test/?q=*x*&r=_y_…", ["link: https://a.test/?q=*x*&r=_y", "_…"]],
  ["javascript:alert(1) data:text/html,x ftp://a.test file:///etc xhttps://a.test", 0],
  ["http:// https://% https://[", 0],
  ["https://a.test/\u202egpj.exe", ["link: https://a.test/", "\u202egpj.exe"]],
  ["<b>https://a.test</b>", ["<b>", "link: https://a.test", "</b>"]],
  ["@Ada, @Ada Lovelace @ADA @łukasz @x.*", ["mention: @Ada", ", ", "mention: @Ada Lovelace", " ", "mention: @ADA", " ", "mention: @łukasz", " ", "mention: @x.*"]],
  ["@Adam a@Ada @@Ada `@Ada` @Grace", ["@Adam a@Ada @@Ada ", "code: @Ada", " @Grace"]],
  ["so:\n```js\nlet a;\n\n  b\n```\nand", ["so:\n", "block(js): let a;\n\n  b", "and"]],
  ["```\n```\nx", ["block: ", "x"]],
  ["```c++ \nopen *a*\n", ["block(c++): open *a*\n"]],
  ["```\na\n```\n```py\nb\n```", ["block: a", "block(py): b"]],
  ["```not a block\nx\n```", 0],
  [" ```\nx", 0],
];

describe("the parts of a text", () => {
  for (const [text, parts] of TABLE) {
    it(`of ${JSON.stringify(text)}`, () => assert.deepEqual(read(text), parts === 0 ? [text] : parts));
  }

  it("have links with a full address of http or https", () => {
    const [{ href }] = parse("https://apple.test@Evil.test:443/a b");
    assert.equal(href, "https://apple.test@evil.test/a");
  });

  it("have all its characters but the marks, whatever the text", () => {
    const random = randomFrom(7);
    const pieces = ["`", "``", "```", "\n```", "```js\n", "\n", "*", "_", " ", "a", "é", "(", ")", ".", "@", "Ada", "http://", "https://x", "\u202e", "😀", "\u0301", "<", "\ud83d", "/"];
    for (let round = 0; round < 1500; round++) {
      const text = randomText(random, pieces, 40);
      const parts = parse(text, NAMES);
      assert.equal(unmarked(parts.map(({ language, text }) => language + text).join("")), unmarked(text));
      for (const { kind, href } of parts) assert.match(href, kind === "link" ? /^https?:\/\/[^/]/ : /^$/, text);
    }
  });

  it("take time in proportion to the text, however hostile", () => {
    // Twenty-five times as long as a message may be: with a square it would take minutes.
    const hostile = ["`", "``` ", "```\n", "*a", "_a", "* ", "@", "@Ada ", "http://", "https://a)", "https://x.test/" + "(", "`a", "a_", "\n", ")", "````", "*`_", " \t", "."];
    for (const piece of hostile) {
      const parsed = parse(piece.repeat(100_000 / piece.length), NAMES);
      assert.ok(parsed.length > 0);
    }
    assert.ok(parse(`https://a.test/${")".repeat(100_000)}`).length > 0);
  });
});
