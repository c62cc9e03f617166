import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Device } from "../../../page/state/device.js";
import { Notices, roomsWithMentions } from "../../../page/state/notices.js";
import { FakeStorage } from "../../support/storage.js";

const newest = (seq, message = `message ${seq}`, user = "u-bob") => ({ seq, user, name: user === "u-bob" ? "Bob" : "Ada", message, at: "" });
const place = (fields) => ({ room: "general", seq: 0, read: 0, unread: 0, mentions: 0, muted: false, since: "", ...fields });

let notices, told, storage;
const update = (fields) => notices.update([place(fields)], "u-ada");

beforeEach(() => {
  storage = new FakeStorage();
  notices = new Notices(new Device(() => storage), "ada");
  told = [];
  notices.addEventListener("notice", ({ detail }) => told.push(detail));
  update({ newest: newest(1), mention: newest(1) });
});

describe("what is told while nobody looks", () => {
  it("asks the device about no room without news: the list comes with each message", () => {
    const reads = [];
    storage.getItem = (key) => void reads.push(key);
    const quiet = Array.from({ length: 500 }, (_, index) => place({ room: `room ${index}` }));
    notices.update(quiet, "u-ada");
    notices.update([place({ newest: newest(2) }), ...quiet], "u-ada");
    assert.equal(reads.length, 1);
  });

  it("is nothing of what was there at first", () => assert.deepEqual(told, []));

  it("is a new mention, once, with its text if that is known", () => {
    update({ newest: newest(2, "@Ada hi"), mention: newest(2) });
    update({ newest: newest(2, "@Ada hi"), mention: newest(2) });
    update({ newest: newest(4, "later"), mention: newest(3) });
    assert.deepEqual(told, [
      { room: "general", name: "Bob", text: "@Ada hi" },
      { room: "general", name: "Bob", text: "" },
    ]);
  });

  it("is no other message, unless the user wants all of the room", () => {
    update({ newest: newest(2) });
    assert.deepEqual(told, []);
    notices.setLevel("general", "all");
    update({ newest: newest(3) });
    update({ newest: newest(4, "", "u-bob"), read: 4 });
    update({ newest: newest(5, "mine", "u-ada") });
    update({ newest: { ...newest(6, ""), deleted: true } });
    assert.deepEqual(told.map(({ text }) => text), ["message 3"]);
  });

  it("is nothing of a muted room, or one that the user wants nothing of", () => {
    update({ newest: newest(2), mention: newest(2), muted: true });
    notices.setLevel("general", "none");
    update({ newest: newest(3), mention: newest(3) });
    assert.deepEqual(told, []);
  });

  it("is kept by person and room, and is what it was if it was never set", () => {
    notices.setLevel("general", "all");
    const again = new Notices(new Device(() => storage), "ada");
    assert.deepEqual([again.levelOf("general"), again.levelOf("random")], ["all", "mentions"]);
    assert.equal(new Notices(new Device(() => storage), "bob").levelOf("general"), "mentions");
    notices.setLevel("general", "mentions");
    assert.equal(again.levelOf("general"), "mentions");
  });
});

describe("the number in the title", () => {
  it("is of the rooms with mentions that are not muted", () => {
    assert.equal(roomsWithMentions([place({ mentions: 2 }), place({ mentions: 1, muted: true }), place({ unread: 9 })]), 1);
  });
});
