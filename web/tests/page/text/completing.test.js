import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { fitting, wordAtEnd } from "../../../page/text/completing.js";
import { EMOJI } from "../../../page/text/emoji-names.js";
import { isOnlyEmoji } from "../../../page/text/emoji.js";

describe("what is being typed", () => {
  for (const [text, word] of [
    ["@", ["@", "", 0]],
    ["Hi @Ada Lo", ["@", "Ada Lo", 3]],
    ["(@a", ["@", "a", 1]],
    ["@Ada and :ta", [":", "ta", 9]],
    ["one\n#gen", ["#", "gen", 4]],
    [":ta", [":", "ta", 0]],
    ["a :+1", [":", "+1", 2]],
    ["", null],
    ["ada@home", null],
    ["@a\n", null],
    ["#a b", null],
    [":t", null],
    ["at 10:30", null],
    [":) so", null],
    ["http://a", null],
  ]) {
    it(`in ${JSON.stringify(text)}`, () => {
      assert.deepEqual(wordAtEnd(text), word && { sign: word[0], query: word[1], start: word[2] });
    });
  }

  it("is found at the end of a long text", () => {
    const text = `${"@ada ".repeat(100_000)}@gr`;
    assert.deepEqual(wordAtEnd(text), { sign: "@", query: "gr", start: text.length - 3 });
  });
});

describe("what fits", () => {
  const options = (...names) => names.map((text) => ({ text }));
  const names = (query, ...all) => fitting(query, options(...all)).map(({ text }) => text);

  it("begins with the query, or has a word that does, in any case", () => {
    assert.deepEqual(names("lo", "Ada Lovelace", "Lotte", "Carlo", "LOUIS"), ["Lotte", "LOUIS", "Ada Lovelace"]);
    assert.deepEqual(names("ada lo", "Ada Lovelace", "Ada"), ["Ada Lovelace"]);
    assert.deepEqual(names("ada hello", "Ada Lovelace", "Ada"), []);
  });

  it("is compared as in a search, and not taken for typed before its accents are", () => {
    assert.deepEqual(names("jose", "José"), ["José"]);
    assert.deepEqual(names("josé", "José"), []);
  });

  it("is not what only holds the query, nor what was typed with a space after it", () => {
    assert.deepEqual(names("da", "Ada"), []);
    assert.deepEqual(names("Ada ", "Ada", "Adam"), []);
  });

  it("is at most eight", () => assert.equal(names("", ..."abcdefghijk").length, 8));

  it("is nothing if the only one is typed already, and both if two are of that name", () => {
    assert.deepEqual(names("ADA", "Ada", "Grace"), []);
    assert.deepEqual(names("ada", "Ada", "Ada"), ["Ada", "Ada"]);
  });
});

it("has names for emoji, each name for one", () => {
  assert.ok(EMOJI.length > 150);
  assert.equal(new Set(EMOJI.map(({ name }) => name)).size, EMOJI.length);
  for (const { name, emoji } of EMOJI) {
    assert.ok(isOnlyEmoji(emoji), emoji);
    assert.ok(name === "+1" || name === "-1" || wordAtEnd(`:${name}`)?.query === name, name);
  }
});
