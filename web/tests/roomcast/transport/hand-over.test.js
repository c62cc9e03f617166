import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server.js";
import { FakeTime } from "../../support/time.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

let time, server, random;
const client = (options) => new Client(server, { random: () => random, ...options });

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  random = 0.5;
});

describe("the heartbeat", () => {
  it("pings for all rooms after a long silence", async () => {
    const ada = client();
    await Promise.all([ada.join("general"), ada.join("random")]);
    await time.pass(5 * MINUTE);
    assert.deepEqual(server.requests("ping").map(({ rooms }) => rooms), Array(2).fill(["general", "random"]));
  });

  it("pings for the silent rooms only", async () => {
    const ada = client();
    await Promise.all([ada.join("general"), ada.join("random")]);
    for (let minute = 0; minute < 5; minute++) {
      server.say("general", "Hi");
      await time.pass(MINUTE);
    }
    assert.deepEqual(server.requests("ping").map(({ rooms }) => rooms), Array(2).fill(["random"]));
  });

  it("sends nothing while all rooms are active", async () => {
    const ada = client();
    await ada.join("general");
    for (let minute = 0; minute < 10; minute++) {
      server.say("general", "Hi");
      await time.pass(MINUTE);
    }
    assert.equal(server.requests("ping").length, 0);
  });

  it("joins a room again if the server has lost the membership", async () => {
    const ada = client();
    const record = await ada.join("general");
    server.socket.rooms.clear();
    server.say("general", "not broadcast");
    await time.pass(125 * SECOND);
    assert.deepEqual(record.texts, ["not broadcast"]);
    assert.deepEqual([...server.socket.rooms], ["general"]);
    assert.equal(server.sockets.length, 1);
  });

  it("keeps a connection that is in no room", async () => {
    const ada = client();
    const { room } = await ada.join("general");
    room.leave();
    await time.pass(3 * MINUTE);
    assert.deepEqual(server.requests("ping").map(({ rooms }) => rooms), [undefined]);
  });
});

describe("handing over", () => {
  const lifetime = 10 * MINUTE;

  it("opens the next socket and joins there before the old one closes", async () => {
    const ada = client({ lifetime });
    const record = await ada.join("general");
    const [old] = server.sockets;
    server.delayOut = ({ seq }) => (seq === undefined ? 1 : 300); // the reply to the join is slow
    await time.pass(lifetime);
    assert.deepEqual([server.open.length, server.requests("join").length], [2, 2]);
    server.say("general", "to both sockets");
    await time.pass(SECOND);
    assert.notEqual(old.readyState, 1);
    server.say("general", "to the new socket");
    await time.pass(SECOND);
    assert.deepEqual(record.texts, ["to both sockets", "to the new socket"]);
    assert.deepEqual([ada.states, record.events[0]], [["connecting", "open"], "joined"]);
  });

  it("waits for the old socket's replies", async () => {
    const ada = client({ lifetime });
    const { room } = await ada.join("general");
    await time.pass(lifetime - 100);
    server.delayIn = ({ action }) => (action === "history" ? 2 * SECOND : 1);
    const read = room.history({ before: 7 });
    await time.pass(1.9 * SECOND);
    assert.equal(server.open.length, 2);
    await time.pass(200);
    await read;
    assert.equal(server.requests("history").length, 1);
    assert.equal(server.open.length, 1);
  });

  it("sends again on the new socket what has no reply on the old one after five seconds", async () => {
    const ada = client({ lifetime });
    const record = await ada.join("general");
    await time.pass(lifetime - 100);
    server.isLost = (way, { action }) => action === "send";
    const sent = record.room.send("Hi");
    await time.pass(SECOND);
    server.isLost = () => false;
    await time.pass(5 * SECOND);
    await sent;
    await time.pass(SECOND);
    assert.deepEqual(record.texts, ["Hi"]);
    assert.equal(server.open.length, 1);
  });

  it("keeps the old socket while the next cannot open", async () => {
    const ada = client({ lifetime });
    const record = await ada.join("general");
    server.handshake = () => "reject";
    await time.pass(lifetime + 3 * MINUTE);
    server.say("general", "still here");
    await time.pass(10);
    assert.deepEqual([record.texts, ada.states], [["still here"], ["connecting", "open"]]);
    server.handshake = () => "open";
    await time.pass(MINUTE);
    assert.deepEqual([server.open.length, server.socket.readyState], [1, 1]);
  });

  it("survives if the old socket closes in the middle", async () => {
    const ada = client({ lifetime });
    const record = await ada.join("general");
    const [old] = server.sockets;
    server.delayOut = ({ seq }) => (seq === undefined ? 1 : 300);
    await time.pass(lifetime + 50);
    old.cut();
    server.say("general", "Hi");
    await time.pass(SECOND);
    assert.deepEqual(record.texts, ["Hi"]);
    assert.deepEqual(ada.states, ["connecting", "open"]);
  });

  it("survives if the new socket closes in the middle", async () => {
    const ada = client({ lifetime });
    const record = await ada.join("general");
    server.delayOut = ({ seq }) => (seq === undefined ? 1 : 300);
    await time.pass(lifetime + 50);
    server.socket.cut();
    server.say("general", "Hi");
    await time.pass(2 * SECOND);
    assert.deepEqual(record.texts, ["Hi"]);
    assert.equal(server.open.length, 1);
  });

  it("does not move back when the old socket's reply to a join is late", async () => {
    const ada = client({ lifetime });
    const record = await ada.join("general");
    const [old] = server.sockets;
    const delays = { history: 4 * SECOND, join: 2 * SECOND };
    await time.pass(lifetime - 100);
    server.delayIn = ({ action }) => (server.open.length === 1 && delays[action]) || 1;
    const read = record.room.history({ before: 7 }); // keeps the old socket open for longest
    old.rooms.clear();
    record.room.send("Hi"); // has it join again
    await time.pass(3 * SECOND);
    server.say("general", "to which socket?");
    old.rooms.clear();
    await time.pass(10 * SECOND);
    await read;
    assert.deepEqual(record.events.filter((event) => event.startsWith("join")), ["joined", "joining", "joined"]);
    assert.equal(server.open.length, 1);
  });

  it("happens at a random time, shortly before two hours", async () => {
    for (random of [0, 0.99]) await client().join("general");
    await time.pass(104 * MINUTE);
    assert.equal(server.sockets.length, 2);
    await time.pass(1 * MINUTE);
    assert.equal(server.sockets.length, 3);
    await time.pass(5 * MINUTE);
    assert.equal(server.sockets.length, 4);
  });
});
