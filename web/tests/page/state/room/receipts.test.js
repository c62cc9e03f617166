import assert from "node:assert/strict";
import { beforeEach, it } from "node:test";

import { Receipts } from "../../../../page/state/room/receipts.js";

let room, receipts;
const emit = (type, detail) => room.dispatchEvent(new CustomEvent(type, { detail }));
const seen = (seq, user = "ada") => receipts.seenBy({ seq, user });

beforeEach(() => {
  room = Object.assign(new EventTarget(), { user: "ada" });
  receipts = new Receipts(room);
});

it("knows who has read up to a message, whatever comes late, and counts who has written after it", () => {
  emit("read", { user: "bob", name: "Bob", seq: 7 });
  emit("read", { user: "bob", name: "Bob", seq: 5 });
  emit("message", { user: "cy", name: "Cy", seq: 6 });
  assert.deepEqual([seen(5), seen(7), seen(8)], [["Bob", "Cy"], ["Bob"], []]);
});

it("names neither the author nor the reader, and nobody for what is not stored", () => {
  emit("read", { user: "ada", name: "Ada", seq: 9 });
  emit("read", { user: "bob", name: "Bob", seq: 9 });
  assert.deepEqual([seen(9, "bob"), seen(9, "ada"), seen(0)], [[], ["Bob"], []]);
});

it("forgets all with a new log", () => {
  emit("read", { user: "bob", name: "Bob", seq: 9 });
  emit("reset", {});
  assert.deepEqual(seen(1), []);
});
