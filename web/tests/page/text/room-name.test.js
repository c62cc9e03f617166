import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { meantRoom, roomName } from "../../../page/text/room-name.js";

describe("the name of a room", () => {
  it("is what was typed, made valid", () => {
    const names = {
      general: "general", " my  room ": "my-room", "a\x07\u200b\uee80b": "ab", ["r".repeat(500)]: "r".repeat(100),
      "\u{1fae9}\u{1ffff}": "\u{1fae9}\u{1ffff}", // One is newer than some browsers.
      "cafe\u0301": "caf\u00e9", "": "", " \u3164 ": "",
    };
    for (const [typed, name] of Object.entries(names)) assert.equal(roomName(typed), name);
  });

  it("has no # before it, as the page shows one", () => {
    assert.deepEqual(["#general", "## general", "c#", "#"].map(roomName), ["general", "general", "c#", ""]);
  });

  it("is that of a known room, however its capitals are typed", () => {
    const known = ["General", "random"];
    assert.deepEqual(["#general", " RANDOM ", "General", "other"].map((typed) => meantRoom(typed, known)),
      ["General", "random", "General", "other"]);
    assert.equal(meantRoom("general", ["General", "general"]), "general");
    assert.equal(meantRoom(" ", known), "");
  });
});
