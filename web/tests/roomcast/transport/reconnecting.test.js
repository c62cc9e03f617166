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

describe("a connection that is lost", () => {
  it("is opened again after a random part of a doubling, bounded pause", async () => {
    const ada = client();
    await ada.join("general");
    random = 0.99;
    server.handshake = () => "reject";
    const pauses = [];
    server.socket.cut();
    for (let tries = 0; tries < 2; tries++) {
      pauses.push(time.untilNext);
      await time.pass(time.untilNext + 2); // for the handshake
    }
    assert.deepEqual(pauses, [495, 990]);
    assert.deepEqual(ada.states, ["connecting", "open", "reconnecting"]);
  });

  it("tells when it is tried again, and is tried at once if asked", async () => {
    const ada = client();
    await ada.join("general");
    assert.equal(ada.chat.nextAttemptIn, null);
    random = 0.99;
    server.socket.cut();
    await time.pass(95);
    assert.equal(ada.chat.nextAttemptIn, 400);
    ada.chat.retry();
    assert.equal(ada.chat.nextAttemptIn, null);
    await time.pass(2);
    assert.equal(ada.chat.state, "open");
    ada.chat.close();
    assert.equal(ada.chat.nextAttemptIn, null);
  });

  it("has growing pauses while the server accepts sockets but never replies", async () => {
    const ada = client();
    await ada.join("general");
    server.isLost = (way) => way === "in";
    for (let tries = 1; tries <= 7; tries++) {
      server.socket.cut();
      await time.pass(time.untilNext + 10);
    }
    server.socket.cut();
    assert.equal(time.untilNext, 30 * SECOND);
  });

  it("has short pauses again once the server has replied", async () => {
    const ada = client();
    await ada.join("general");
    for (let tries = 1; tries <= 6; tries++) {
      server.socket.cut();
      assert.equal(time.untilNext, 250);
      await time.pass(SECOND);
    }
  });

  it("is noticed when a reply is ten seconds late", async () => {
    const ada = client();
    const { room } = await ada.join("general");
    server.socket.isFrozen = true;
    const sent = room.send("Hi");
    await time.pass(9.9 * SECOND);
    assert.equal(ada.chat.state, "open");
    await time.pass(SECOND);
    await sent;
    assert.equal(server.sockets.length, 2);
  });

  it("is noticed by the heartbeat in a silent room", async () => {
    const ada = client({ heartbeat: 30 * SECOND });
    await ada.join("general");
    server.socket.isFrozen = true;
    await time.pass(41 * SECOND);
    assert.deepEqual(ada.states.slice(-2), ["reconnecting", "open"]);
  });

  it("is noticed when the handshake hangs", async () => {
    const ada = client();
    server.handshake = () => "hang";
    ada.chat.join("general");
    await time.pass(9.9 * SECOND);
    server.handshake = () => "open";
    assert.deepEqual(ada.states, ["connecting"]);
    await time.pass(SECOND);
    assert.deepEqual(ada.states, ["connecting", "reconnecting", "open"]);
  });

  it("is replaced when the server does not know it any more", async () => {
    const ada = client();
    const { room } = await ada.join("general");
    server.socket.loseRow();
    const sent = room.send("Hi");
    await time.pass(SECOND);
    await sent;
    assert.deepEqual(ada.states, ["connecting", "open", "reconnecting", "open"]);
  });

  it("has growing pauses while the server replies `not_connected`", async () => {
    const ada = client();
    server.error = () => ({ code: "not_connected" });
    ada.chat.join("general");
    await time.pass(MINUTE);
    assert.ok(server.sockets.length < 12, `${server.sockets.length} sockets in a minute`);
  });
});

describe("a server that rejects the handshake, or cannot be reached", () => {
  it("is unreachable after three handshakes, and tried with growing pauses from then on", async () => {
    server.handshake = () => "reject";
    const ada = client();
    const joining = ada.chat.join("general");
    await time.pass(SECOND);
    assert.deepEqual([ada.states, server.sockets.length], [["connecting", "reconnecting", "unreachable"], 3]);
    await time.pass(31 * SECOND); // 1, 2, 4, 8 and 16 s, the middle of what the pauses can be
    assert.equal(server.sockets.length, 3 + 5);
    await time.pass(10 * MINUTE);
    assert.equal(server.sockets.length, 3 + 5 + 20); // 30 s apart
    server.handshake = () => "open";
    await time.pass(MINUTE);
    await joining;
    assert.equal(ada.chat.state, "open");
  });

  it("gets a fresh token at the third attempt", async () => {
    const fresh = [];
    const tokens = ["old", "old", "new"];
    server.handshake = ({ protocols }) => (protocols[1] === "token.new" ? "open" : "reject");
    const ada = client({ token: (request) => (fresh.push(request.fresh), tokens[fresh.length - 1]) });
    await ada.join("general", { wait: 2 * SECOND });
    assert.deepEqual(fresh, [false, false, true]);
    assert.deepEqual(server.socket.protocols, ["roomcast.v1", "token.new"]);
  });

  it("gets a token from a string, from a promise, or none", async () => {
    await client({ token: "t1" }).join("general");
    assert.deepEqual(server.socket.protocols, ["roomcast.v1", "token.t1"]);
    await client({ token: async () => "t2" }).join("general");
    assert.deepEqual(server.socket.protocols, ["roomcast.v1", "token.t2"]);
    await client({ token: () => undefined }).join("general");
    assert.deepEqual(server.socket.protocols, ["roomcast.v1"]);
  });

  it("is unreachable, too, while the token function fails", async () => {
    let logsIn = false;
    const token = async () => {
      if (!logsIn) throw new Error("not logged in");
      return "t";
    };
    const ada = client({ token });
    const joining = ada.chat.join("general");
    await time.pass(2 * SECOND);
    assert.deepEqual([ada.chat.state, server.sockets.length], ["unreachable", 0]);
    logsIn = true;
    await time.pass(MINUTE);
    await joining;
  });
});

describe("a server that disconnects the client", () => {
  it("ends the chat if it forbids to reconnect", async () => {
    const ada = client();
    const record = await ada.join("general");
    server.isLost = (way, { action }) => action === "send";
    const sent = assert.rejects(record.room.send("Hi"), { code: "closed" });
    server.socket.push({ type: "disconnect", code: "banned", reconnect: false });
    await time.pass(10 * MINUTE);
    await sent;
    assert.deepEqual(ada.states.slice(-1), ["closed: banned"]);
    assert.deepEqual(record.events.slice(-2), ["failed: closed", "left: closed"]);
    assert.equal(server.sockets.length, 1);
    assert.equal(time.waiting, 0);
    await assert.rejects(ada.chat.join("general"), { code: "closed" });
  });

  it("is connected to again, with a fresh token if the last has expired", async () => {
    const fresh = [];
    const ada = client({ token: (request) => (fresh.push(request.fresh), `t${fresh.length}`) });
    await ada.join("general");
    server.socket.push({ type: "disconnect", code: "token_expired", reconnect: true });
    await time.pass(SECOND);
    server.socket.push({ type: "disconnect", code: "going_away", reconnect: true });
    await time.pass(SECOND);
    assert.deepEqual(fresh, [false, true, false]);
    assert.equal(ada.chat.state, "open");
    assert.deepEqual(server.open.map(({ protocols }) => protocols[1]), ["token.t3"]);
  });
});
