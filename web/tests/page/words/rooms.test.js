import assert from "node:assert/strict";
import { it } from "node:test";

import { badgeOf, roomActions, roomTitle, toRoomsText } from "../../../page/words/rooms.js";

const line = (fields) => ({ room: "a", unread: 0, mentions: 0, muted: false, starred: false, hasDraft: false, isOpen: false, ...fields });

it("beside a room stands one thing: mentions, muted, the number of unread messages, or a draft", () => {
  const shown = [
    [{}, ""], [{ hasDraft: true }, "draft"], [{ unread: 14, hasDraft: true }, "14"], [{ unread: 14, muted: true }, "muted"],
    [{ unread: 14, mentions: 2, muted: true, hasDraft: true }, "@2"], [{ mentions: 100 }, "@99+"], [{ unread: 1000 }, "999+"],
    [{ unread: 14, mentions: 2, isOpen: true }, ""],
  ];
  for (const [fields, text] of shown) assert.equal(badgeOf(line(fields)).text, text);
  assert.deepEqual([badgeOf(line({ mentions: 1 })).told, badgeOf(line({ unread: 14 })).told], ["1 mention", "14 unread"]);
});

it("what can be done with a room depends on what was done", () => {
  const texts = (fields) => roomActions(line(fields)).map(([, text]) => text);
  assert.deepEqual(texts({}), ["Star", "Mute", "Copy a link", "Leave for good"]);
  assert.deepEqual(texts({ starred: true, muted: true }), ["Remove the star", "Stop muting", "Copy a link", "Leave for good"]);
  assert.deepEqual([toRoomsText(0), toRoomsText(2)], ["Rooms", "Rooms, 2 with something new"]);
  assert.deepEqual([roomTitle("@c81e728d"), roomTitle("general")], ["Inbox", "general"]);
});
