import assert from "node:assert/strict";
import { it } from "node:test";

import { threadText } from "../../../../page/words/messages/thread.js";

it("counts replies, and says when the last one came if it is known", () => {
  assert.equal(threadText(1), "1 reply");
  assert.equal(threadText(1200), "1,200 replies");
  assert.match(threadText(4, new Date(new Date().setHours(17, 2)).toISOString()), /^4 replies · last at .*02/);
});
