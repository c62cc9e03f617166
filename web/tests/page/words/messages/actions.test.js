import assert from "node:assert/strict";
import { it } from "node:test";

import { intervalText, seenText } from "../../../../page/words/messages/actions.js";

it("names some of those who have seen a message", () => {
  assert.equal(seenText(["Ada"]), "Seen by Ada");
  assert.equal(seenText(["Ada", "Ken"]), "Seen by Ada and Ken");
  assert.equal(seenText(["Ada", "Ken", "Lin"]), "Seen by Ada, Ken and Lin");
  assert.equal(seenText(["Ada", "Ken", "Lin", "Mia", "Ida"]), "Seen by Ada, Ken and 3 more");
});

it("names the time of slow mode, also one that the menu does not offer", () => {
  assert.deepEqual([0, 60, 45].map(intervalText), ["Off", "1 minute", "45 seconds"]);
});
