import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { deliveryText } from "../../../../page/words/messages/delivery.js";

const message = { delivery: "sending", changing: false, waitsUntil: null, isSlow: false };
const waitsUntil = new Date(new Date().setHours(12, 41, 30));

describe("what is said about a message that is not stored", () => {
  it("is nothing once it is stored, and what it waits for until then", () => {
    assert.equal(deliveryText({ ...message, delivery: "sent" }), "");
    assert.equal(deliveryText({ ...message, delivery: "failed" }), "");
    assert.equal(deliveryText(message), "Waiting for the connection…");
    assert.equal(deliveryText({ ...message, delivery: "sent", changing: true }), "Waiting for the connection…");
  });

  it("names slow mode, and the time to the second", () => {
    assert.match(deliveryText({ ...message, waitsUntil, isSlow: true }), /^Slow mode: at .*41.*30/);
    assert.match(deliveryText({ ...message, waitsUntil }), /^Too fast: at /);
  });
});
