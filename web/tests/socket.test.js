import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { ChatSocket, LIMITS } from "../socket.js";
import { FakeClock, FakeNetwork } from "./fakes.js";

const URL = "ws://chat.test/prod?room=general";
const at = "2026-01-01T00:00:00.000Z";
const ok = (ref, seq = 1) => ({ type: "reply", ref, status: "ok", room: "general", seq, id: ref, at });
const refused = (ref, code) => ({ type: "reply", ref, status: "error", code, detail: "no" });

let network, clock, chat, states, random;

beforeEach(() => {
  network = new FakeNetwork();
  clock = new FakeClock();
  states = [];
  random = 0.5;
  chat = new ChatSocket({ WebSocket: network.WebSocket, clock, random: () => random });
  chat.addEventListener("state", ({ detail }) => states.push(detail));
});

function connected() {
  chat.open(URL);
  network.socket.opens();
  return network.socket;
}

function reconnected() {
  network.socket.ends();
  clock.advance(clock.untilNext);
  network.socket.opens();
  return network.socket;
}

describe("connecting", () => {
  it("offers the subprotocol and tells the state", () => {
    connected();
    assert.equal(network.socket.url, URL);
    assert.equal(network.socket.protocol, "roomcast.v1");
    assert.deepEqual(states, ["connecting", "open"]);
  });

  it("takes a handshake that hangs for lost", () => {
    chat.open(URL);
    clock.advance(LIMITS.answer);
    assert.deepEqual(states, ["connecting", "reconnecting"]);
    assert.equal(network.socket.closed, true);
  });

  it("waits a random part of a time that doubles up to a bound", () => {
    random = 1;
    chat.open(URL);
    const waits = Array.from({ length: 8 }, () => {
      network.socket.ends();
      const wait = clock.untilNext;
      clock.advance(wait);
      return wait;
    });
    assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    random = 0.1;
    network.socket.ends();
    assert.equal(clock.untilNext, 3000);
  });

  it("does not start over when a server accepts and then closes", () => {
    random = 1;
    connected();
    network.socket.ends();
    clock.advance(500);
    network.socket.opens();
    network.socket.ends();
    assert.equal(clock.untilNext, 1000);
  });

  it("starts over once the server has said something", () => {
    random = 1;
    connected();
    network.socket.ends();
    clock.advance(500);
    network.socket.opens();
    network.socket.hears({ type: "reply", ref: "any", status: "ok", pong: true });
    network.socket.ends();
    assert.equal(clock.untilNext, 500);
  });

  it("starts over when it is to connect elsewhere", () => {
    random = 1;
    connected().ends();
    chat.open("ws://chat.test/prod?room=other");
    network.socket.ends();
    assert.equal(clock.untilNext, 500);
  });

  it("reconnects at once when told that the network is back, and then only once", () => {
    connected().ends();
    chat.retry();
    chat.retry();
    assert.equal(network.sockets.length, 2);
    clock.advance(LIMITS.longestDelay);
    assert.notEqual(states.at(-1), "open");
  });

  it("leaves a connection that is open alone when the network is back", () => {
    connected();
    chat.retry();
    assert.equal(network.sockets.length, 1);
  });

  it("does not listen to a socket that it has replaced", () => {
    const old = connected();
    chat.open("ws://chat.test/prod?room=other");
    network.socket.opens();
    old.ends();
    old.hears({ type: "bye", code: "token_expired", retry: false });
    assert.equal(old.closed, true);
    assert.equal(states.at(-1), "open");
    assert.equal(network.sockets.length, 2);
  });

  it("stays away when the server says that there is no point in returning", () => {
    connected().hears({ type: "bye", code: "token_expired", retry: false });
    network.socket.ends();
    assert.equal(states.at(-1), "closed");
    assert.equal(clock.untilNext, Infinity);
  });
});

describe("staying", () => {
  it("pings after five quiet minutes, and again after five more", () => {
    const socket = connected();
    clock.advance(LIMITS.idle - 1);
    assert.deepEqual(socket.sent, []);
    clock.advance(1);
    assert.equal(socket.sent[0].action, "ping");
    socket.hears({ type: "reply", ref: socket.sent[0].ref, status: "ok", pong: true });
    clock.advance(LIMITS.idle);
    assert.equal(socket.sent.length, 2);
  });

  it("reconnects when a ping gets no answer", () => {
    connected();
    clock.advance(LIMITS.idle + LIMITS.answer);
    assert.equal(states.at(-1), "reconnecting");
  });
});

describe("sending", () => {
  it("resolves with the place that the room gave the message", async () => {
    const socket = connected();
    const sent = chat.send("general", "Hi", "ref-1");
    assert.deepEqual(socket.sent, [{ action: "send", ref: "ref-1", room: "general", message: "Hi" }]);
    socket.hears(ok("ref-1", 42));
    assert.deepEqual(await sent, { seq: 42, id: "ref-1", at });
  });

  it("trusts a socket that has answered", async () => {
    const socket = connected();
    const sent = chat.send("general", "Hi", "ref-1");
    socket.hears(ok("ref-1"));
    await sent;
    clock.advance(LIMITS.answer);
    assert.equal(states.at(-1), "open");
  });

  it("rejects with the server's code", async () => {
    const socket = connected();
    const sent = chat.send("general", "Hi", "ref-1");
    socket.hears(refused("ref-1", "rate_limited"));
    await assert.rejects(sent, { code: "rate_limited", message: "no" });
  });

  it("keeps the order by waiting for each answer", () => {
    const socket = connected();
    chat.send("general", "one", "ref-1");
    chat.send("general", "two", "ref-2");
    assert.equal(socket.sent.length, 1);
    socket.hears(ok("ref-1"));
    assert.deepEqual(socket.sent.map(({ message }) => message), ["one", "two"]);
  });

  it("sends what was written while connecting", () => {
    chat.open(URL);
    chat.send("general", "early", "ref-1");
    network.socket.opens();
    assert.equal(network.socket.sent[0].message, "early");
  });

  it("sends again with the same ref, in order, after a reconnect", () => {
    const first = connected();
    chat.send("general", "one", "ref-1");
    chat.send("general", "two", "ref-2");
    const second = reconnected();
    second.hears(ok("ref-1"));
    assert.deepEqual([...first.sent, ...second.sent].map(({ ref }) => ref), ["ref-1", "ref-1", "ref-2"]);
  });

  it("does not send again what was acknowledged", async () => {
    const sent = (connected(), chat.send("general", "one", "ref-1"));
    network.socket.hears(ok("ref-1"));
    await sent;
    assert.deepEqual(reconnected().sent, []);
  });

  it("takes the room's own copy for an answer when the reply was lost", async () => {
    connected();
    const sent = chat.send("general", "Hi", "ref-1");
    const message = { seq: 7, id: "ref-1", user: "u1", name: "Ada", message: "Hi", at };
    reconnected().hears({ type: "messages", room: "general", messages: [message] });
    assert.equal((await sent).seq, 7);
  });

  it("takes a socket that does not answer for dead, and gives up after three", async () => {
    connected();
    const sent = chat.send("general", "Hi", "ref-1");
    for (let tries = 1; tries <= 3; tries++) {
      assert.equal(network.sockets.length, tries);
      clock.advance(LIMITS.answer); // nobody answers
      clock.advance(clock.untilNext); // the pause is over
      network.socket.opens();
    }
    await assert.rejects(sent, { code: "unanswered" });
    assert.deepEqual(network.socket.sent, []);
  });

  it("gives up after two minutes without a connection", async () => {
    chat.open(URL);
    network.socket.ends();
    const sent = chat.send("general", "Hi", "ref-1");
    clock.advance(LIMITS.giveUp);
    await assert.rejects(sent, { code: "unanswered" });
  });

  it("reconnects and sends again when the chat has lost sight of the connection", async () => {
    connected();
    const sent = chat.send("general", "Hi", "ref-1");
    network.socket.hears(refused("ref-1", "not_connected"));
    clock.advance(clock.untilNext);
    network.socket.opens();
    assert.equal(network.sockets.length, 2);
    network.socket.hears(ok("ref-1"));
    await sent;
  });

  it("goes on with the next message after a refusal", async () => {
    const socket = connected();
    const first = chat.send("general", "one", "ref-1");
    chat.send("general", "two", "ref-2");
    socket.hears(refused("ref-1", "invalid_message"));
    await assert.rejects(first);
    assert.equal(socket.sent[1].ref, "ref-2");
  });

  it("rejects what is left when it is closed, and everything after that", async () => {
    connected();
    const under_way = chat.send("general", "one");
    const waiting = chat.send("general", "two");
    chat.close();
    await assert.rejects(under_way, { code: "closed" });
    await assert.rejects(waiting, { code: "closed" });
    await assert.rejects(chat.send("general", "three"), { code: "closed" });
    assert.equal(clock.untilNext, Infinity);
  });

  it("ignores what it does not understand", () => {
    const socket = connected();
    chat.send("general", "Hi", "ref-1");
    const texts = ["", "not JSON", "null", "[]", '"reply"', '{"message":"Internal server error","connectionId":"c"}'];
    const frames = [{ type: "presence" }, { type: "reply", ref: null, status: "ok" }, ok("stranger")];
    for (const nonsense of [...texts, ...frames]) socket.hears(nonsense);
    assert.equal(states.at(-1), "open");
    assert.equal(socket.sent.length, 1);
  });
});

describe("hearing", () => {
  it("hands on the room's messages without those that are malformed", () => {
    const heard = [];
    chat.addEventListener("messages", ({ detail }) => heard.push(detail));
    const message = { seq: 1, id: "a", user: "u1", name: "Ada", message: "Hi", at };
    const messages = [message, null, { ...message, seq: "2" }, { ...message, message: { html: "<b>" } }];
    connected().hears({ type: "messages", room: "general", messages, voids: [3] });
    assert.deepEqual(heard, [{ type: "messages", room: "general", messages: [message] }]);
  });
});
