import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeTime } from "../../support/time.js";

const SECOND = 1_000;

let time, server, ada;

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  ada = new Client(server);
});

const say = (count, first = 1) => {
  for (let number = first; number < first + count; number++) server.say("general", `m${number}`);
};
const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe("scrolling back", () => {
  it("goes on before the oldest message that was shown, page by page", async () => {
    say(130);
    const { room } = await ada.join("general", { history: 20 });
    const pages = [];
    for (let more = true; more; ) {
      const reading = room.history({ limit: 50 });
      await time.pass(10);
      const page = await reading;
      pages.push(page.messages.map(({ seq }) => seq));
      more = page.more;
    }
    assert.deepEqual(pages, [numbers(61, 110), numbers(11, 60), numbers(1, 10)]);
  });

  it("reads before any seq", async () => {
    say(30);
    const { room } = await ada.join("general", { history: 5 });
    const reading = room.history({ before: 11, limit: 3 });
    await time.pass(10);
    const { messages, more } = await reading;
    assert.deepEqual([messages.map(({ seq }) => seq), more], [[8, 9, 10], true]);
  });

  it("reads on after any seq, and goes on where it was contiguous", async () => {
    say(30);
    const { room } = await ada.join("general", { history: 5 });
    assert.equal(room.head, 30);
    const pages = [];
    for (const range of [{ before: 12, limit: 2 }, { after: 11, limit: 3 }, { after: 28, limit: 9 }, { limit: 2 }]) {
      const reading = room.history(range);
      await time.pass(10);
      const { messages, ...rest } = await reading;
      pages.push([messages.map(({ seq }) => seq), rest]);
    }
    assert.deepEqual(pages, [
      [[10, 11], { more: true, before: 10, after: 11 }],
      [[12, 13, 14], { more: true, before: 12, after: 14 }],
      [[29, 30], { more: false, before: 29, after: 30 }],
      [[24, 25], { more: true, before: 24, after: 25 }],
    ]);
  });

  it("says where the next page ends, even if this one holds only skipped numbers", async () => {
    say(2);
    for (const _ of [3, 4, 5]) server.write("general", server.reserve("general"), null);
    say(1, 6);
    const { room } = await ada.join("general", { history: 1 });
    const pages = [];
    for (let [before, more] = [6, true]; more; ) {
      const reading = room.history({ before, limit: 3 });
      await time.pass(10);
      const page = await reading;
      ({ before, more } = page);
      pages.push([page.messages.map(({ seq }) => seq), before]);
    }
    assert.deepEqual(pages, [[[], 3], [[1, 2], 1]]);
  });

  it("waits while there is no connection", async () => {
    say(30);
    const { room } = await ada.join("general", { history: 5 });
    server.socket.cut();
    const reading = room.history({ limit: 1 });
    await time.pass(SECOND);
    assert.deepEqual((await reading).messages.map(({ seq }) => seq), [25]);
  });

  it("rejects if it is forbidden, and if the room is left", async () => {
    say(30);
    const { room } = await ada.join("general", { history: 5 });
    server.error = ({ action }) => action === "history" && { code: "forbidden" };
    const rejected = assert.rejects(room.history(), { code: "forbidden" });
    await time.pass(10);
    await rejected;
    room.leave();
    await assert.rejects(room.history(), { code: "left" });
  });
});

it("dispatches no event of a room that was left, even by a listener in the middle of a page", async () => {
  const record = await ada.join("general");
  record.room.addEventListener("message", ({ detail }) => detail.seq === 2 && record.room.leave());
  for (const text of ["m1", "m2", "m3"]) server.store("general", text);
  server.broadcast("general", 1, 2, 3);
  await time.pass(SECOND);
  assert.deepEqual(record.events, ["joined", "m1", "m2", "left: left"]);
});
