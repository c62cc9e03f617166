import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
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
