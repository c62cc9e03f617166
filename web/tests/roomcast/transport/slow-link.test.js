import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { ReplyTimeout } from "../../../roomcast/transport/reply-timeout.js";
import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeTime } from "../../support/time.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

let time, server;

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
});

/** Let the frames to the client share a link of so many bytes per second. */
function slowDown(rate) {
  let [freeAt, sockets] = [0, 0];
  server.delayOut = (frame) => {
    if (server.sockets.length > sockets) [freeAt, sockets] = [0, server.sockets.length]; // The old one's are dropped.
    freeAt = Math.max(freeAt, time.elapsed()) + (JSON.stringify(frame).length / rate) * SECOND;
    return freeAt - time.elapsed();
  };
}

describe("a link of 2 KB per second", () => {
  it("shows a page of 28 KB, and does not begin again for ever", async () => {
    for (let count = 1; count <= 50; count++) server.store("general", `${count} ${"m".repeat(450)}`);
    slowDown(2_000);
    const joining = new Client(server).startJoin("general");
    await time.pass(2 * MINUTE);
    const record = await joining;
    assert.equal(record.texts.length, 50);
    assert.ok(server.sockets.length <= 2, `${server.sockets.length} sockets`);
  });

  it("shows the pages of many rooms", async () => {
    const names = Array.from({ length: 12 }, (_, index) => `room-${index}`);
    for (const name of names) for (let count = 1; count <= 20; count++) server.store(name, "m".repeat(450));
    slowDown(2_000);
    const ada = new Client(server);
    const joining = names.map((name) => ada.startJoin(name));
    await time.pass(5 * MINUTE);
    const records = await Promise.all(joining);
    assert.deepEqual(records.map(({ texts }) => texts.length), names.map(() => 20));
  });
});

it("a reconnecting client of many rooms has at most eight joins under way", async () => {
  const ada = new Client(server);
  const joining = Array.from({ length: 40 }, (_, index) => ada.startJoin(`room-${index}`));
  await time.pass(10 * SECOND);
  await Promise.all(joining);
  let [underWay, most] = [0, 0];
  server.delayIn = ({ action }) => (action === "join" && (most = Math.max(most, ++underWay)), 20);
  server.delayOut = ({ type }) => (type === "reply" && underWay--, 20);
  server.socket.cut();
  await time.pass(10 * SECOND);
  assert.equal(most, 8);
  assert.equal(ada.chat.joined.every(({ state }) => state === "joined"), true);
});

describe("the time for a reply", () => {
  it("doubles up to 40 seconds with each late reply, and is ten again after two good minutes", () => {
    const timeout = new ReplyTimeout();
    const values = [timeout.value];
    for (let late = 0; late < 3; late++) values.push((timeout.onLate(0), timeout.value));
    assert.deepEqual(values, [10, 20, 40, 40].map((seconds) => seconds * SECOND));
    timeout.onReply(100, MINUTE);
    timeout.onReply(9 * SECOND, 3 * MINUTE);
    assert.equal(timeout.value, 40 * SECOND);
    timeout.onReply(100, 3 * MINUTE);
    assert.equal(timeout.value, 10 * SECOND);
  });
});
