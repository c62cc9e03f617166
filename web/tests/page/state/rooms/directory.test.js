import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Directory } from "../../../../page/state/rooms/directory.js";
import { Drafts } from "../../../../page/state/drafts.js";
import { FakeBrowser } from "../../../support/page/tabs.js";
import { settled } from "../../../support/time.js";

/** A chat with a list of followed rooms, and the calls of its rooms. */
class FollowingChat {
  calls = [];
  joined = [];
  list = Object.assign(new EventTarget(), { list: [], isComplete: false });

  rooms = () => this.list;

  async join(name) {
    const tell = (call) => async (...details) => void this.calls.push([call, name, ...details]);
    const [subscribe, unsubscribe, read, leave] = ["subscribe", "unsubscribe", "read", "leave"].map(tell);
    const room = Object.assign(new EventTarget(), { name, subscribe, unsubscribe, read, leave });
    this.joined.push(room);
    return room;
  }

  /** The server's list has come, or has changed. */
  tell(...rooms) {
    this.list.list = rooms.map((room) => ({ unread: 0, mentions: 0, muted: false, ...room }));
    this.list.isComplete = true;
    this.list.dispatchEvent(new CustomEvent("changed"));
  }
}

let browser, chat, directory, drafts;
function open(named = []) {
  const device = browser.open();
  chat = new FollowingChat();
  drafts = new Drafts(device, "ada");
  directory = new Directory(chat, { device, owner: "ada", drafts, named });
}
beforeEach(() => {
  browser = new FakeBrowser();
  open();
});

const shown = () => directory.sections.map(({ kind, lines }) => [kind, lines.map(({ room }) => room)]);
async function enter(room) {
  await chat.join(room);
  directory.enter(room);
}

describe("the list of rooms", () => {
  it("has what is new first, and there mentions first, then what is starred, and all by name", () => {
    chat.tell({ room: "room 10" }, { room: "room 2" }, { room: "busy", unread: 3 }, { room: "asks", unread: 9, mentions: 1 });
    directory.star("room 10", true);
    assert.deepEqual(shown(), [["unread", ["asks", "busy"]], ["starred", ["room 10"]], ["rooms", ["room 2"]]]);
    directory.star("room 10", false);
    assert.deepEqual(shown(), [["unread", ["asks", "busy"]], ["rooms", ["room 2", "room 10"]]]);
  });

  it("has the same line of a room until something in it changes", () => {
    const lines = () => Object.fromEntries(directory.sections.flatMap((section) => section.lines).map((line) => [line.room, line]));
    chat.tell({ room: "one" }, { room: "other" });
    const before = lines();
    chat.tell({ room: "other", unread: 1 }, { room: "one" });
    const after = lines();
    assert.equal(after.one, before.one);
    assert.deepEqual(after.other, { ...before.other, unread: 1 });
    chat.tell({ room: "other", unread: 1 }, { room: "nine" });
    assert.deepEqual(shown(), [["unread", ["other"]], ["rooms", ["nine"]]]);
  });

  it("is quiet about a muted room, unless somebody is mentioned, and about the open one", async () => {
    chat.tell({ room: "muted", unread: 3, muted: true }, { room: "asks", unread: 3, mentions: 1, muted: true }, { room: "open", unread: 3 });
    await enter("open");
    assert.deepEqual(shown(), [["unread", ["asks"]], ["rooms", ["muted", "open"]]]);
    assert.deepEqual(directory.muted, ["muted", "asks"]);
  });

  it("has the rooms that the page names and the open one, also before the server tells anything", async () => {
    open(["general", "random"]);
    await enter("mine");
    assert.deepEqual(shown(), [["rooms", ["general", "mine", "random"]]]);
    assert.deepEqual([...directory.known].sort(), ["general", "mine", "random"]);
    assert.deepEqual(directory.sections[0].lines.map(({ isOpen }) => isOpen), [false, true, false]);
  });

  it("is there offline as it was told last", () => {
    chat.tell({ room: "general", unread: 3 });
    directory.keep();
    open();
    assert.deepEqual(shown(), [["unread", ["general"]]]);
    directory.keep(); // Nothing is known that is better.
    chat.tell({ room: "other" });
    assert.deepEqual(shown(), [["rooms", ["other"]]]);
    browser.items.set("roomcast.rooms ada", '[null, {"room": 7}, {"room": "x"}]');
    open();
    assert.deepEqual(shown(), []);
  });

  it("shows where a draft waits, and tells each change", async () => {
    chat.tell({ room: "general" }, { room: "random" });
    let changes = 0;
    directory.addEventListener("change", () => changes++);
    drafts.set("general", { text: "to be", replyTo: 0 });
    drafts.set("random", { text: "or not", replyTo: 0 });
    await enter("random");
    assert.deepEqual(directory.sections[0].lines.map(({ hasDraft }) => hasDraft), [true, false]);
    assert.equal(changes, 1);
    const other = new Drafts(browser.open(), "ada");
    other.set("elsewhere", { text: "from another tab", replyTo: 0 });
    other.flush();
    assert.equal(changes, 2);
  });

  it("has the stars of the other tabs", () => {
    chat.tell({ room: "general" });
    const here = directory;
    let changes = 0;
    here.addEventListener("change", () => changes++);
    open();
    directory.star("general", true);
    assert.deepEqual([here.sections[0].kind, changes], ["starred", 1]);
  });
});

describe("a room that is entered", () => {
  it("is followed once it is known that it is not yet", async () => {
    await enter("general");
    assert.deepEqual(chat.calls, []);
    chat.tell({ room: "followed" });
    chat.tell({ room: "followed" });
    assert.deepEqual(chat.calls, [["subscribe", "general"]]);
    await enter("followed");
    assert.equal(chat.calls.length, 1);
  });

  it("is read as far as was on the screen", async () => {
    await enter("general");
    directory.read(7);
    assert.deepEqual(chat.calls, [["read", "general", 7]]);
  });

  it("may be the inbox, once something is in it", async () => {
    chat.tell({ room: "general" });
    chat.inbox = chat.join("@ada");
    await directory.watchInbox();
    assert.deepEqual(chat.calls, []);
    for (let count = 0; count < 2; count++) chat.joined[0].dispatchEvent(new Event("message"));
    assert.deepEqual(chat.calls, [["subscribe", "@ada"]]);
    chat.inbox = Promise.reject(new Error("closed"));
    await directory.watchInbox();
  });

  it("can be muted and left for good, joined or not", async () => {
    chat.tell({ room: "general" }, { room: "random" });
    await enter("general");
    await directory.mute("general", true);
    directory.star("random", true);
    await directory.unfollow("random");
    await settled();
    assert.deepEqual(chat.calls, [["subscribe", "general", { muted: true }], ["unsubscribe", "random"], ["leave", "random"]]);
    assert.equal(browser.items.get("roomcast.stars ada"), "[]");
  });
});
