import assert from "node:assert/strict";
import { it } from "node:test";

import { RoomHistory } from "../../../../page/state/history/room-history.js";

it("a room is moved to what was gone to last, also if an earlier place is loaded later", async () => {
  const requests = [];
  const settled = () => new Promise((resolve) => setTimeout(resolve));
  const log = { user: "u-ada", history: (range) => new Promise((answer) => requests.push({ ...range, answer })) };
  const at = new Date(0).toISOString();
  const page = (seq) => ({ messages: [{ seq, id: `m${seq}`, user: "u-bob", name: "Bob", message: "", at }], more: true, before: seq, after: seq });
  const history = new RoomHistory(log, { entries: [], oldest: 1000 }, () => "", () => {}, () => {});
  history.set("more");
  const goings = [history.goTo(100)];
  for (let turns = 0; turns < 100 && requests.length < 1; turns++) await settled();
  goings.push(history.goTo(500));
  for (let turns = 0; turns < 100 && requests.length < 2; turns++) await settled();
  requests[1].answer(page(500));
  await goings[1];
  requests[0].answer(page(100));
  await goings[0];
  assert.equal(history.sought, 500);
});
