import assert from "node:assert/strict";
import { it } from "node:test";

import { countdownText } from "../../../../page/words/messages/composer.js";

it("counts down in minutes, and above an hour in hours", () => {
  assert.deepEqual([0, 9, 75, 3599, 3600, 4005].map(countdownText), ["0:00", "0:09", "1:15", "59:59", "1:00:00", "1:06:45"]);
});
