import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { looksEmpty, sendable } from "../../page/text/typed.js";

describe("a text to be sent", () => {
  it("has line breaks for the vertical tab, the form feed and NEL", () => {
    assert.equal(sendable("one\vtwo\fthree\u0085four\r\nfive\rsix"), "one\ntwo\nthree\nfour\nfive\nsix");
  });

  it("keeps its tabs and line breaks, and loses every other control character and half character", () => {
    assert.equal(sendable("a\tb\nc"), "a\tb\nc");
    assert.equal(sendable("nul\0 bell\x07 escape\x1b[2J delete\x7f c1\x9b31m half\ud83d"), "nul bell escape[2J delete c131m half");
    const controls = Array.from({ length: 0xa0 }, (_, code) => String.fromCharCode(code)).join("");
    assert.doesNotMatch(sendable(`a${controls}b`), /[\0-\x08\v\f\x0e-\x1f\x7f-\x9f]/u);
  });

  it("keeps whole emoji, also of joiners, flags and tags", () => {
    for (const emoji of ["👩‍💻", "🇩🇪", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "\u{1fae9}"]) assert.equal(sendable(emoji), emoji);
  });

  it("is empty if nothing of it is visible", () => {
    for (const text of ["", " \n", "\u3164", "\u2800", "\u115f\u1160", "\u200b\u200d\u2060", "\x07", "\ufe0f"]) {
      assert.equal(looksEmpty(text), true);
      assert.equal(sendable(text), "");
      assert.equal(sendable(`${text}.`).endsWith("."), true);
    }
  });
});
