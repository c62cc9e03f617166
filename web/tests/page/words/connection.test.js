import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { stateText, troubleText } from "../../../page/words/connection.js";

const trouble = { state: "unreachable", waiting: 0, nextAttemptIn: null, tokenFrom: null };

describe("trouble with the connection", () => {
  it("is none while all is well, or has only begun", () => {
    for (const state of ["open", "connecting", "idle"]) assert.equal(troubleText({ ...trouble, state, waiting: 3 }), "");
  });

  it("tells how many messages wait", () => {
    assert.equal(troubleText({ ...trouble, state: "offline", waiting: 1 }), "Offline. 1 message waits.");
    assert.equal(troubleText({ ...trouble, state: "offline", waiting: 3 }), "Offline. 3 messages wait.");
    assert.match(troubleText({ ...trouble, state: "closed", waiting: 3 }), /^Disconnected\. Reload the page/);
  });

  it("tells when a chat that cannot be reached is tried again, and what may be wrong with a link", () => {
    const text = "This chat cannot be reached, or does not let you in.";
    assert.equal(troubleText(trouble), text);
    assert.equal(troubleText({ ...trouble, nextAttemptIn: 4200 }), `${text} Next try in 5 s.`);
    assert.equal(troubleText({ ...trouble, tokenFrom: "link" }), `${text} Your link may have expired.`);
    assert.equal(troubleText({ ...trouble, tokenFrom: "site" }), `${text} You may have to log in again.`);
  });

  it("is a word in the list of rooms", () => assert.equal(stateText("open"), "Connected"));
});
