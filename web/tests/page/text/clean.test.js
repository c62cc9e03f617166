import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { lengthOf, looksEmpty, MAX_MESSAGE, parts, sendable } from "../../../page/text/clean.js";
import { parse } from "../../../page/text/parse.js";
import { randomFrom } from "../../support/time.js";
import { randomText } from "../../support/page/texts.js";

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

  it("has no empty lines around it, and keeps the indentation of its first line", () => {
    assert.equal(sendable("\n \t\n\u2028\n    if (a)\n      b();  \n \n"), "    if (a)\n      b();");
    assert.equal(sendable("  a"), "  a");
    assert.equal(sendable(`${"\n ".repeat(100_000)}a`), " a");
  });
});

describe("a text that is too long for a message", () => {
  const line = (number) => `line ${number} ${"x".repeat(90)}`;
  const lines = (count) => Array.from({ length: count }, (_, number) => line(number));

  it("is one message as long as it fits, counted as the server does", () => {
    assert.deepEqual(parts("a\n"), ["a"]);
    assert.deepEqual(parts(" \n"), []);
    assert.deepEqual(parts("😀".repeat(MAX_MESSAGE)), ["😀".repeat(MAX_MESSAGE)]);
    assert.equal(parts("x".repeat(MAX_MESSAGE + 1)).length, 2);
  });

  it("is cut at the ends of lines", () => {
    const messages = parts(lines(100).join("\n"));
    assert.equal(messages.length, 3);
    assert.equal(messages.join("\n"), lines(100).join("\n"));
  });

  it("is cut between words if a line is too long, and within a word that is", () => {
    const words = "sentence ".repeat(900).trim();
    assert.deepEqual(parts(words).map((message) => message.replaceAll("sentence", "").trim()), ["", "", ""]);
    assert.equal(parts("😀".repeat(9000)).join(""), "😀".repeat(9000));
  });

  it("has its blocks of code closed, and opened again in the next message", () => {
    const messages = parts(`see\n\`\`\`js\n${lines(100).join("\n")}\n\`\`\`\nand`);
    assert.deepEqual(messages.map((message) => parse(message).map(({ kind, language }) => kind + language)), [
      ["text", "blockjs"],
      ["blockjs"],
      ["blockjs", "text"],
    ]);
  });

  it("keeps all that can be seen, in messages that fit, whatever it is", () => {
    const random = randomFrom(11);
    const pieces = ["\n", "\n\n", "```\n", "\n```js  \n", "\n```\n", " word", "é".repeat(500), "😀".repeat(1700), "y".repeat(4100), "    z\n".repeat(99)];
    const codeOf = (text) => parse(text).filter(({ kind }) => kind === "block").map(({ text }) => text).join("").replace(/\s/g, "");
    const seenOf = (text) => text.replace(/^```(?:js)?\s*$/gm, "").replace(/\s/g, "");
    for (let round = 0; round < 100; round++) {
      const text = randomText(random, pieces, 30);
      const messages = parts(text);
      assert.ok(messages.every((message) => lengthOf(message) <= MAX_MESSAGE && sendable(message) === message), text);
      assert.equal(messages.map(seenOf).join(""), seenOf(sendable(text)));
      assert.equal(messages.map(codeOf).join(""), codeOf(sendable(text)));
    }
  });
});
