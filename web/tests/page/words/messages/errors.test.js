import assert from "node:assert/strict";
import { it } from "node:test";

import { returnText } from "../../../../page/words/messages/errors.js";

it("the time until one may come back is counted, unless it is long", () => {
  const texts = [0, 1, 61_000, 599_001, 3_600_000, 3_601_000, -5].map((each) => returnText(each).replace(/.* in /, ""));
  assert.deepEqual(texts, ["0:00.", "0:01.", "1:01.", "10:00.", "60:00.", "", "0:00."]);
});
