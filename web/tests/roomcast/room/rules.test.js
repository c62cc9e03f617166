import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeTime } from "../../support/time.js";

const SECOND = 1_000;
const DAY = 24 * 60 * 60 * SECOND;
const OPEN = { locked: false, slowMode: 0, readOnly: false, moderator: false, mutedUntil: null, mayWrite: true };

let time, server, ada, changes;

/** Join, and record the rules from then on. */
async function join() {
  const { room } = await ada.join("general");
  room.addEventListener("rules", ({ detail }) => changes.push(detail));
  return room;
}

const moderate = (action, fields) => {
  server.moderation.perform({ action, room: "general", ...fields }, "Mia");
};

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  ada = new Client(server, { client: "u-ada" });
  changes = [];
});

describe("the rules of a room", () => {
  it("are known to who comes", async () => {
    server.moderation.rule("general", "lock", { locked: true });
    server.moderation.rule("general", "slow_mode", { seconds: 30 });
    const room = await join();
    assert.deepEqual(room.rules, { ...OPEN, locked: true, slowMode: 30, mayWrite: false });
    assert.equal((await ada.join("news")).room.rules.mayWrite, true);
  });

  it("follow what moderators do", async () => {
    const room = await join();
    moderate("lock", { locked: true });
    await time.pass(SECOND);
    moderate("slow_mode", { seconds: 60 });
    await time.pass(SECOND);
    moderate("lock", { locked: false });
    await time.pass(SECOND);
    assert.deepEqual(changes.map(({ locked, slowMode, mayWrite }) => [locked, slowMode, mayWrite]), [
      [true, 0, false], [true, 60, false], [false, 60, true],
    ]);
    assert.deepEqual(room.rules, changes.at(-1));
  });

  it("are found again after an absence", async () => {
    server.moderation.rule("general", "lock", { locked: true });
    const room = await join();
    server.socket.cut();
    server.moderation.rule("general", "lock", { locked: false });
    server.moderation.rule("general", "mute", { user: "u-ada", seconds: 600 });
    await time.pass(SECOND);
    assert.deepEqual([room.rules.locked, room.rules.mayWrite], [false, false]);
    assert.ok(Math.abs(room.rules.mutedUntil - time.now() - 600 * SECOND) < SECOND);
    assert.equal(changes.length, 1);
  });

  it("end a mute when its time is over, also a long one", async () => {
    const room = await join();
    moderate("mute", { user: "u-bob", seconds: 60 });
    moderate("mute", { user: "u-ada", seconds: 60 });
    await time.pass(59 * SECOND);
    assert.equal(room.rules.mayWrite, false);
    await time.pass(2 * SECOND);
    assert.deepEqual(room.rules, OPEN);
    moderate("mute", { user: "u-ada", seconds: (30 * DAY) / SECOND });
    await time.pass(29 * DAY);
    assert.equal(room.rules.mayWrite, false);
    await time.pass(2 * DAY);
    assert.equal(room.rules.mayWrite, true);
  });

  it("end a mute after its time, whatever the clock is set to meanwhile", async () => {
    const room = await join();
    for (const hours of [-5, 5]) {
      moderate("mute", { user: "u-ada", seconds: 60 });
      await time.pass(SECOND);
      time.setForward(hours * 60 * 60 * SECOND);
      moderate("lock", { locked: true });
      moderate("lock", { locked: false });
      await time.pass(57 * SECOND);
      assert.equal(room.rules.mayWrite, false, `set by ${hours} hours`);
      await time.pass(3 * SECOND);
      assert.deepEqual(room.rules, OPEN);
    }
  });

  it("do not apply to moderators", async () => {
    server.moderation.rule("general", "lock", { locked: true });
    ada = new Client(server, { client: "u-mia" });
    const joining = ada.startJoin("general");
    await time.pass(1);
    server.socket.isModerator = true;
    await time.pass(100);
    const { room } = await joining;
    assert.deepEqual([room.rules.locked, room.rules.moderator, room.rules.mayWrite], [true, true, true]);
  });

  it("are not undone by a reply to a join that a moderator's action has overtaken", async () => {
    const room = await join();
    server.delayOut = ({ type, rules }) => (type === "reply" && rules ? 100 : 1);
    ada.chat.rename("Ada L."); // another socket takes over
    while (server.requests("join").length < 2) await time.pass(1);
    moderate("lock", { locked: true });
    await time.pass(SECOND);
    assert.equal(room.rules.locked, true);
    server.socket.cut();
    while (server.requests("join").length < 3) await time.pass(1);
    moderate("lock", { locked: false }); // before the reply
    await time.pass(SECOND);
    assert.equal(room.rules.locked, false);
  });
});
