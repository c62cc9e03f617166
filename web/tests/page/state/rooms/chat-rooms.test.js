import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { ChatRooms } from "../../../../page/state/rooms/chat-rooms.js";
import { RoomMemory } from "../../../../page/state/rooms/room-memory.js";
import { FakeChat } from "../../../support/page/fake-chat.js";
import { FakeBrowser } from "../../../support/page/tabs.js";
import { FakeTime, settled } from "../../../support/time.js";

const at = "2026-01-01T12:00:00.000Z";
const bobs = (seq) => ({ seq, id: `id-${seq}`, user: "u-bob", name: "Bob", message: `bob ${seq}`, at });

let browser, chat, rooms, time;
function open() {
  chat = new FakeChat();
  rooms = new ChatRooms(chat, new RoomMemory(browser.open(), "ada", time), time);
}
beforeEach(() => {
  browser = new FakeBrowser();
  time = new FakeTime();
  open();
});

const texts = () => rooms.open.entries.map(({ text }) => text);
const joined = (name) => chat.joined.find((room) => room.name === name);
const hereNow = () => chat.joined.filter(({ left }) => !left).map(({ name }) => name);
async function enter(name, ...messages) {
  rooms.enter(name);
  joined(name).begin(...messages);
  await settled();
}

describe("a visited room", () => {
  it("stays as it is, goes on while another one is open, and is there at once", async () => {
    await enter("alpha", bobs(1));
    const { open: alpha } = rooms;
    await enter("beta", bobs(7));
    joined("alpha").emit("message", bobs(2));
    assert.deepEqual(texts(), ["bob 7"]);
    rooms.enter("alpha");
    assert.equal(rooms.open, alpha);
    assert.deepEqual(texts(), ["bob 1", "bob 2"]);
    assert.equal(chat.joined.length, 2); // It was not joined again.
  });

  it("tells of changes while it is open, and not behind another one", async () => {
    await enter("alpha");
    await enter("beta");
    let changes = 0;
    rooms.addEventListener("change", () => changes++);
    joined("alpha").emit("message", bobs(1));
    await settled();
    assert.equal(changes, 0);
    joined("beta").emit("message", bobs(1));
    await settled();
    assert.ok(changes > 0);
  });

  it("is left when five others were visited since, as soon as all is sent there", async () => {
    for (const name of ["a", "b", "c", "d", "e", "f"]) await enter(name);
    rooms.enter("a"); // The last visit counts.
    await enter("g");
    assert.deepEqual(hereNow(), ["a", "c", "d", "e", "f", "g"]);
    rooms.enter("c");
    assert.equal(rooms.isSending, false);
    rooms.open.write("on its way");
    assert.equal(rooms.isSending, true);
    for (const name of ["h", "i", "j", "k", "l"]) await enter(name);
    await enter("m");
    assert.ok(hereNow().includes("c"));
    joined("c").acknowledge({ id: joined("c").sends[0].ref, seq: 1, at });
    assert.ok(!hereNow().includes("c"));
  });

  it("is left when it is parked, unless it is open", async () => {
    await enter("alpha");
    await enter("beta");
    rooms.park("alpha");
    rooms.park("beta");
    rooms.park("never seen");
    assert.deepEqual(hereNow(), ["beta"]);
  });
});

describe("after a reload", () => {
  it("what was seen is there until the room is joined, and then what is there now", async () => {
    await enter("alpha", bobs(1), bobs(2), bobs(3));
    rooms.keep();
    open();
    rooms.enter("alpha");
    assert.deepEqual([texts(), rooms.open.history.earlier], [["bob 1", "bob 2", "bob 3"], "joining"]);
    assert.ok(rooms.open.entries.every(({ live }) => !live));
    joined("alpha").begin(bobs(2), { ...bobs(3), message: "edited" }, bobs(4)); // The first one has expired.
    await settled();
    assert.deepEqual(texts(), ["bob 2", "edited", "bob 4"]);
  });

  it("what was seen is kept soon, without anybody leaving", async () => {
    await enter("alpha", bobs(1));
    await time.pass(5_000);
    joined("alpha").emit("message", bobs(2));
    await time.pass(5_000);
    open();
    rooms.enter("alpha");
    assert.deepEqual(texts(), ["bob 1", "bob 2"]);
    assert.deepEqual([...rooms.known], ["alpha"]);
  });

  it("what was seen stays kept where nothing else was learned, and goes where it may not be read", async () => {
    await enter("alpha", bobs(1));
    rooms.keep();
    for (const shown of [["bob 1"], ["bob 1"], []]) {
      open();
      rooms.enter("alpha");
      assert.deepEqual(texts(), shown.length ? shown : ["bob 1"]);
      if (shown.length) rooms.open.answer(0); // A change, while offline.
      else joined("alpha").joining.reject({ code: "forbidden" });
      await settled();
      rooms.keep();
      assert.deepEqual(texts(), shown);
    }
    open();
    rooms.enter("alpha");
    assert.deepEqual(texts(), []);
  });
});

describe("somebody who was sent out", () => {
  const ban = { action: "ban", user: "u-ada", moderator: "Mia", until: at, seconds: 600, expiresIn: 600 };

  it("is let in again when the time is over, also after a reload", async () => {
    await enter("alpha");
    joined("alpha").emit("moderated", ban);
    joined("alpha").emit("state", { state: "left", code: "banned" });
    await settled();
    assert.match(rooms.open.absence, /^Mia banned you until /);
    open();
    rooms.enter("alpha");
    joined("alpha").joining.reject({ code: "forbidden" });
    await settled();
    assert.match(rooms.open.absence, /^Mia banned you until /);
    const { absentUntil } = rooms.open;
    let changes = 0;
    rooms.addEventListener("change", () => changes++);
    await time.pass(absentUntil - time.now() - 1);
    assert.equal(changes, 0);
    await time.pass(1);
    assert.deepEqual([rooms.open.absence, changes], ["", 1]);
    joined("alpha").begin(bobs(1));
    await settled();
    assert.deepEqual(texts(), ["bob 1"]);
  });

  it("is let in again at a click, and not into a room that is not open any more", async () => {
    await enter("alpha");
    joined("alpha").emit("moderated", ban);
    joined("alpha").emit("state", { state: "left", code: "banned" });
    rooms.enter("alpha");
    assert.equal(rooms.open.absence, "");
    joined("alpha").joining.reject({ code: "forbidden" });
    await settled();
    const { absentUntil } = rooms.open;
    await enter("beta");
    await time.pass(absentUntil - time.now() + 1);
    assert.equal(rooms.open.room, "beta");
  });
});
