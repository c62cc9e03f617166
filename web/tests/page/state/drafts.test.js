import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Device } from "../../../page/state/device.js";
import { Drafts } from "../../../page/state/drafts.js";
import { blockedStorage } from "../../support/storage.js";
import { FakeBrowser } from "../../support/page/tabs.js";
import { FakeTime } from "../../support/time.js";

const text = (text, replyTo = 0) => ({ text, replyTo });

let browser, time;
beforeEach(() => {
  browser = new FakeBrowser();
  time = new FakeTime();
});

const open = (owner = "ada", device = browser.open()) => new Drafts(device, owner, { clock: time });

describe("a draft", () => {
  it("belongs to its room, and to its person", () => {
    const drafts = open();
    drafts.set("alpha", text("only for alpha", 7));
    drafts.flush();
    assert.deepEqual([drafts.of("alpha"), drafts.of("beta")], [text("only for alpha", 7), text("")]);
    assert.deepEqual(open("eve").of("alpha"), text(""));
    assert.deepEqual([...open("eve").rooms], []);
  });

  it("is there for a later page, within 300 milliseconds and at once when the page goes", async () => {
    const drafts = open();
    drafts.set("alpha", text("on"));
    await time.pass(200);
    drafts.set("alpha", text("once"));
    assert.deepEqual(open().of("alpha"), text(""));
    await time.pass(100);
    assert.deepEqual(open().of("alpha"), text("once"));
    drafts.set("alpha", text("once upon"));
    drafts.flush();
    assert.deepEqual(open().of("alpha"), text("once upon"));
    assert.deepEqual([...open().rooms], ["alpha"]);
  });

  it("is written once in a while, however fast somebody types", async () => {
    const device = browser.open();
    const writes = [];
    device.set = (...value) => writes.push(value);
    const drafts = open("ada", device);
    for (const length of [1, 2, 3, 4]) {
      drafts.set("alpha", text("x".repeat(length)));
      await time.pass(100);
    }
    assert.equal(writes.length, 1);
  });

  it("leaves nothing on the device once it is sent or empty, not even when it was not written yet", async () => {
    const drafts = open();
    drafts.set("alpha", text("sent"));
    drafts.flush();
    drafts.set("alpha", text("sent, too"));
    drafts.clear("alpha");
    drafts.set("beta", text("x"));
    drafts.set("beta", text(""));
    await time.pass(1_000);
    assert.deepEqual([browser.items.size, [...drafts.rooms]], [0, []]);
  });

  it("reaches the person's other tabs, and their going, too", () => {
    const [here, there] = [open(), open()];
    const heard = [];
    there.addEventListener("change", ({ detail: room }) => heard.push([room, there.of(room).text]));
    here.addEventListener("change", () => assert.fail("a tab is not told what it has written"));
    here.set("alpha", text("hello"));
    here.flush();
    here.clear("alpha");
    open("eve").clear("alpha");
    assert.deepEqual(heard, [["alpha", "hello"], ["alpha", ""]]);
  });

  it("that is typed here wins over one that comes from another tab meanwhile", () => {
    const [here, there] = [open(), open()];
    here.addEventListener("change", () => assert.fail("what is being typed must stay"));
    here.set("alpha", text("typed here"));
    there.set("alpha", text("typed there"));
    there.flush();
    here.flush();
    assert.deepEqual([here.of("alpha"), there.of("alpha")], [text("typed here"), text("typed here")]);
  });

  it("is kept per room as long as the page where nothing can be stored", () => {
    const drafts = open("ada", new Device(blockedStorage));
    drafts.set("alpha", text("here"));
    drafts.flush();
    assert.deepEqual([drafts.of("alpha"), drafts.of("beta"), [...drafts.rooms]], [text("here"), text(""), ["alpha"]]);
  });

  it("is none if another program wrote to its key", () => {
    for (const nonsense of ["not JSON", "null", "7", '{"text": 1, "replyTo": 0}', '{"text": "a", "replyTo": "b"}']) {
      browser.items.set("roomcast.draft ada alpha", nonsense);
      assert.deepEqual([open().of("alpha"), [...open().rooms]], [text(""), []]);
    }
  });
});
