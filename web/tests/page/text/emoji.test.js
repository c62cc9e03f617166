import assert from "node:assert/strict";
import { it } from "node:test";

import { emojiOf } from "../../../page/text/emoji-names.js";
import { isOnlyEmoji } from "../../../page/text/emoji.js";

it("knows one to twelve emoji without other text", () => {
  for (const text of ["👍", "👍🏽", "❤️", "🇩🇪 🇫🇷", "👨‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "5️⃣", "👩🏽‍💻\n🎉", "☝🏽", "😀".repeat(12)]) assert.equal(isOnlyEmoji(text), true, text);
});

it("knows no other text, such as digits, signs of a text, half flags, or an emoji under stacked marks", () => {
  const others = ["", " ", "5", "#", "©", "❤", "👍 yes", ":)", "🇩", "🇩🇪🇫", "😀\u0301", "😀".repeat(13), "\u200d", "\ufe0f", "字"];
  for (const text of others) assert.equal(isOnlyEmoji(text), false, text);
  assert.equal(isOnlyEmoji("😀".repeat(100_000)), false);
});

it("finds an emoji by its name, with or without colons", () => {
  for (const typed of ["rocket", ":rocket:", "Rocket", "🚀"]) assert.equal(emojiOf(typed), "🚀");
  for (const typed of ["no name", "::", ":", "🦜"]) assert.equal(emojiOf(typed), typed);
});
