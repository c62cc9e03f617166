import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeTime } from "../../support/time.js";

const SECOND = 1_000;
const HOUR = 3600 * SECOND;

let time, server, ada;

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  ada = new Client(server);
});

const say = (count, first = 1) => {
  for (let number = first; number < first + count; number++) server.say("general", `m${number}`);
};

describe("a gap", () => {
  it("is not requested for a second, because one broadcast may overtake another", async () => {
    const record = await ada.join("general");
    const [first, second] = [server.store("general", "m1"), server.store("general", "m2")];
    server.broadcast("general", second);
    await time.pass(500);
    assert.deepEqual(record.texts, []);
    server.broadcast("general", first);
    await time.pass(SECOND);
    assert.deepEqual(record.texts, ["m1", "m2"]);
    assert.equal(server.requests("history").length, 0);
  });

  it("is then requested", async () => {
    const record = await ada.join("general");
    server.store("general", "m1");
    say(1, 2);
    await time.pass(2 * SECOND);
    assert.deepEqual(record.texts, ["m1", "m2"]);
  });

  it("is requested again with growing pauses", async () => {
    const record = await ada.join("general");
    const missing = server.reserve("general");
    say(1, 2);
    await time.pass(20 * SECOND);
    assert.deepEqual(record.texts, []);
    assert.equal(server.requests("history").length, 5); // after 1, 2, 4, 8 and 16 seconds
    server.write("general", missing, "m1");
    await time.pass(8 * SECOND);
    assert.deepEqual(record.texts, ["m1", "m2"]);
  });

  it("is passed over if it is a skipped number", async () => {
    const record = await ada.join("general");
    server.write("general", server.reserve("general"), null);
    say(1, 2);
    await time.pass(2 * SECOND);
    assert.deepEqual(record.events, ["joined", "m2"]);
  });

  it("is given up after a minute, without the messages after it", async () => {
    const record = await ada.join("general");
    server.reserve("general");
    for (const text of ["m2", "m3"]) server.store("general", text);
    server.reserve("general");
    say(1, 5);
    await time.pass(58 * SECOND);
    assert.deepEqual(record.events, ["joined"]);
    await time.pass(15 * SECOND);
    assert.deepEqual(record.events, ["joined", "lost 1 to 1", "m2", "m3", "lost 4 to 4", "m5"]);
  });

  it("is not given up while no message comes after it", async () => {
    const record = await ada.join("general");
    const seq = server.reserve("general");
    for (const socket of server.open) socket.cut(); // the next join says what the head is
    await time.pass(10 * 60 * SECOND);
    server.write("general", seq, "at last");
    await time.pass(2 * 60 * SECOND);
    assert.deepEqual(record.texts, ["at last"]);
    assert.deepEqual(record.lost, []);
  });

  it("is given up at once if its messages have expired", async () => {
    say(2);
    const record = await ada.join("general");
    server.handshake = () => "reject";
    server.socket.cut();
    say(5, 3);
    await time.pass(2 * HOUR);
    for (const seq of [3, 4, 5]) server.log("general").rows.delete(seq);
    server.handshake = () => "open";
    await time.pass(60 * SECOND);
    assert.deepEqual(record.lost, [[3, 5]]);
    assert.deepEqual(record.texts, ["m1", "m2", "m6", "m7"]);
  });

  it("that is older than a minute is requested once more before it is given up", async () => {
    const record = await ada.join("general");
    const missing = server.reserve("general");
    say(1, 2);
    await time.pass(10);
    server.handshake = () => "reject";
    server.socket.cut();
    await time.pass(10 * 60 * SECOND);
    server.write("general", missing, "m1");
    server.handshake = () => "open";
    await time.pass(60 * SECOND);
    assert.deepEqual(record.events.slice(-3), ["joined", "m1", "m2"]);
  });

  it("at the end of a quiet room is found by the heartbeat", async () => {
    const record = await ada.join("general");
    server.store("general", "not broadcast");
    await time.pass(155 * SECOND);
    assert.deepEqual(record.texts, ["not broadcast"]);
  });

  it("before the user's own message is found by its reply", async () => {
    const record = await ada.join("general");
    server.store("general", "m1");
    server.isShed = () => true;
    record.room.send("mine");
    await time.pass(2 * SECOND);
    assert.deepEqual(record.texts, ["m1", "mine"]);
  });
});

it("a gap is requested in time after the clock was set back", async () => {
  const record = await ada.join("general");
  server.store("general", "m1");
  say(1, 2);
  await time.pass(10);
  time.setForward(-HOUR);
  say(1, 3);
  await time.pass(125 * SECOND);
  assert.deepEqual(record.texts, ["m1", "m2", "m3"]);
});

describe("a message that this client cannot read", () => {
  beforeEach(() => {
    server.textOf = (frame) => {
      const text = JSON.stringify(frame);
      return text.includes('"bad"') ? text.slice(0, -1) : text;
    };
  });

  it("is lost, and every other one is shown, on one connection", async () => {
    const record = await ada.join("general");
    for (const text of ["m1", "bad", "m3"]) server.say("general", text);
    await time.pass(20 * SECOND);
    assert.deepEqual([record.texts, record.lost, server.sockets.length], [["m1", "m3"], [[2, 2]], 1]);
  });

  it("keeps nobody out of the room who comes back", async () => {
    const record = await ada.join("general");
    server.socket.cut();
    for (const text of ["m1", "bad", "m3"]) server.say("general", text);
    await time.pass(30 * SECOND);
    assert.deepEqual([record.texts, record.lost, server.sockets.length], [["m1", "m3"], [[2, 2]], 2]);
    assert.equal(record.room.state, "joined");
  });

  it("does not close the connection of who comes for the first time", async () => {
    for (const text of ["m1", "bad", "m3"]) server.say("general", text);
    const record = await ada.join("general");
    say(1, 4);
    await time.pass(60 * SECOND);
    assert.deepEqual([record.texts, server.sockets.length], [["m4"], 1]);
  });
});
