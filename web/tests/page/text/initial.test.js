import assert from "node:assert/strict";
import { it } from "node:test";

import { initial } from "../../../page/text/initial.js";

it("takes the first character as a reader sees it", () => {
  const whole = { "ada": "A", "🇩🇪 Jo": "🇩🇪", "👨‍👩‍👧‍👦 us": "👨‍👩‍👧‍👦", "👍🏽": "👍🏽", "क्षमा": "क्ष", "निशा": "नि", "e\u0301mile": "E\u0301", "5️⃣": "5️⃣" };
  for (const [name, first] of Object.entries(whole)) assert.equal(initial(name), first, name);
});

it("passes over what shows nothing", () => {
  assert.equal(initial("\u200d\u3164ada"), "A");
  assert.equal(initial(""), "");
});
