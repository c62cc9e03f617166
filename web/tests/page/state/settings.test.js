import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { settings } from "../../../settings.js";
import { readSettings } from "../../../page/state/settings.js";

const read = (written) => readSettings({ endpoint: "/prod", ...written });

describe("the settings", () => {
  it("have defaults for all but the endpoint", () => {
    const defaults = { endpoint: "/prod", name: "Roomcast", rooms: ["lobby"], accent: null, token: null };
    assert.deepEqual(read(), defaults);
    assert.deepEqual(readSettings(settings), defaults); // what is delivered is a chat to try
  });

  it("may be all of a team's own", () => {
    const token = () => "t";
    const accent = { light: "#7a1fa2", dark: "#D7A6F0" };
    const own = { endpoint: "wss://chat.test/prod", name: "Help", rooms: ["desk", "news"], accent, token };
    assert.deepEqual(read(own), own);
  });

  it("may have one colour for both schemes", () => {
    assert.deepEqual(read({ accent: "#7a1fa2" }).accent, { light: "#7a1fa2", dark: "#7a1fa2" });
  });

  it("have each room once, under the name that the server has", () => {
    assert.deepEqual(read({ rooms: ["front desk", "cafe\u0301", "front-desk", "\u200b"] }).rooms, ["front-desk", "caf\u00e9"]);
    assert.deepEqual(read({ rooms: [] }).rooms, ["lobby"]);
  });

  for (const [written, problem] of [
    [{ endpoint: "" }, "endpoint is missing"],
    [{ endpoint: undefined }, "endpoint is missing"],
    [{ name: " " }, "name is not a text"],
    [{ rooms: "lobby" }, "rooms is not a list of names"],
    [{ rooms: ["lobby", 7] }, "rooms is not a list of names"],
    [{ accent: "purple" }, "accent is not a colour such as #0c6b58"],
    [{ accent: { light: "#7a1fa2" } }, "accent is not a colour"],
    [{ token: "a.fixed.token" }, "token is not a function"],
    [{ colour: "#7a1fa2" }, "colour is unknown. The settings are name, endpoint, rooms, accent, token"],
  ]) {
    it(`that are wrong say so: ${problem} (${JSON.stringify(written)})`, () => {
      assert.throws(() => read(written), { name: "TypeError", message: new RegExp(`^settings.js: ${problem}`) });
    });
  }
});
