import assert from "node:assert/strict";
import { it } from "node:test";

import { randomId } from "../../../roomcast/protocol/random-id.js";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

it("a random id is a version 4 UUID, also in a page over plain http", () => {
  const insecure = { getRandomValues: (bytes) => crypto.getRandomValues(bytes) };
  const ids = new Set(Array.from({ length: 200 }, () => randomId(insecure)));
  assert.equal(ids.size, 200);
  for (const id of ids) assert.match(id, UUID);
  assert.match(randomId(), UUID);
});
