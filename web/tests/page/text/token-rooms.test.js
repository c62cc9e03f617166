import assert from "node:assert/strict";
import { it } from "node:test";

import { tokenRooms } from "../../../page/text/token-rooms.js";

const token = (claims) => `h.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`;

it("a token names the rooms that it grants by name, to be read", () => {
  const rooms = ["general", "team-*", "*", "news:read", "audit:write", "@ada", "private-büro", 7, "general"];
  assert.deepEqual(tokenRooms(token({ rooms })), ["general", "news", "private-büro"]);
  assert.deepEqual(tokenRooms(token({ rooms: "general team-* news:read" })), ["general", "news"]);
  for (const none of ["", "t.o.k", token({}), token({ rooms: null }), token({ rooms: 7 }), token(null)]) {
    assert.deepEqual(tokenRooms(none), []);
  }
});
