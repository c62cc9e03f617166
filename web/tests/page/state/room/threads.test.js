import assert from "node:assert/strict";
import { it } from "node:test";

import { Threads } from "../../../../page/state/room/threads.js";

const entry = (seq, fields) => ({ kind: "message", id: `${seq}`, seq, root: 0, replyTo: 0, ...fields });
const threadOf = (root, entries) => new Threads(new EventTarget(), { entries }).of(root);
const seqs = ({ messages }) => messages.map(({ seq, id }) => seq || id);

it("has the first message, the replies to it and to one another, and the user's own that wait", () => {
  const entries = [
    entry(1),
    entry(2, { replies: 2 }),
    { kind: "note", id: "n" },
    entry(3, { root: 2, replyTo: 2 }),
    entry(4, { root: 1, replyTo: 1 }),
    entry(5, { root: 2, replyTo: 3 }),
    { ...entry(0, { replyTo: 5 }), id: "waits" },
    { ...entry(0, { replyTo: 4 }), id: "waits elsewhere" },
  ];
  assert.deepEqual(seqs(threadOf(2, entries)), [2, 3, 5, "waits"]);
  assert.deepEqual([threadOf(2, entries).isComplete, threadOf(2, entries.slice(2)).isComplete], [true, false]);
});

it("knows when the last reply came, in whatever order they are loaded", () => {
  const room = new EventTarget();
  const threads = new Threads(room, { entries: [] });
  room.dispatchEvent(new CustomEvent("message", { detail: { root: 2, at: "12:05" } }));
  for (const [root, at] of [[2, "12:01"], [undefined, "12:09"], [7, "12:03"]]) threads.note({ root, at });
  assert.deepEqual([...threads.lastReplies], [[2, "12:05"], [7, "12:03"]]);
  room.dispatchEvent(new Event("reset"));
  assert.equal(threads.lastReplies.size, 0);
});
