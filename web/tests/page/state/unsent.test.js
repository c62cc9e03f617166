import assert from "node:assert/strict";
import { it } from "node:test";

import { unsentStorage } from "../../../page/state/unsent.js";
import { blockedStorage, FakeStorage } from "../../support/storage.js";

it("what is not sent is kept for all tabs of one person, where the browser can tell which of them are there", () => {
  const [storage, locks] = [new FakeStorage(), { request: async () => {} }];
  const local = () => storage;
  assert.deepEqual(unsentStorage({ isShared: true, local, locks }), { storage, locks });
  assert.deepEqual(unsentStorage({ isShared: false, local, locks }), {});
  assert.deepEqual(unsentStorage({ isShared: true, local, locks: undefined }), {});
  assert.deepEqual(unsentStorage({ isShared: true, local: blockedStorage, locks }), {});
});
