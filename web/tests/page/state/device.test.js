import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Device } from "../../../page/state/device.js";
import { blockedStorage, FakeStorage } from "../../support/storage.js";
import { FakeBrowser } from "../../support/page/tabs.js";

const full = new FakeStorage(new Map([["kept", "before"]]));
full.setItem = () => {
  throw new Error("QuotaExceededError");
};

describe("a device", () => {
  it("keeps values for later pages, and finds them by how their keys begin", () => {
    const browser = new FakeBrowser();
    const device = browser.open();
    for (const key of ["draft a", "draft b", "other"]) device.set(key, "value");
    device.set("draft b", null);
    const later = browser.open();
    assert.deepEqual([later.get("draft a"), later.get("draft b"), later.keys("draft ")], ["value", null, ["draft a"]]);
  });

  it("keeps values as long as the page if the storage is blocked or full", () => {
    for (const open of [blockedStorage, () => full]) {
      const device = new Device(open);
      assert.deepEqual([device.isLasting, new FakeBrowser().open().isLasting], [false, true]);
      device.set("key", "value");
      assert.deepEqual([device.get("key"), device.keys("k").includes("key")], ["value", true]);
      device.set("key", null);
      assert.deepEqual([device.get("key"), device.keys("key")], [null, []]);
    }
  });

  it("shows what could not be stored instead of what was there before", () => {
    const device = new Device(() => full);
    device.set("kept", "after");
    assert.equal(device.get("kept"), "after");
  });

  it("tells what another tab has changed, and not what this one has", () => {
    const browser = new FakeBrowser();
    const [one, other] = [browser.open(), browser.open()];
    const heard = [];
    for (const [tab, device] of Object.entries({ one, other })) {
      device.addEventListener("change", ({ detail }) => heard.push([tab, detail, device.get(detail)]));
    }
    one.set("name", "Ada");
    one.set("name", null);
    assert.deepEqual(heard, [["other", "name", "Ada"], ["other", "name", null]]);
  });
});
