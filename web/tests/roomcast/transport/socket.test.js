import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { history, join, ping, write } from "../../../roomcast/protocol/frames.js";
import { ReplyTimeout } from "../../../roomcast/transport/reply-timeout.js";
import { Socket, SocketClosed, TIMEOUT } from "../../../roomcast/transport/socket.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeTime } from "../../support/time.js";

let time, server, events;

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  events = [];
});

const note = (event) => () => void events.push(event);
const callbacks = {
  onOpen: note("open"),
  onFrame: ({ type }) => void events.push(type),
  onProven: () => {},
  onExpiresIn: () => {},
  onError: ({ code }) => void events.push(code),
  onClose: note("close"),
};

async function open(tools = {}) {
  const socket = new Socket("wss://chat.test/prod?room=general", ["roomcast.v1"], callbacks, {
    WebSocket: server.WebSocket,
    clock: time,
    random: () => 0.5,
    ...tools,
  });
  await time.pass(10);
  return socket;
}

describe("a socket", () => {
  it("matches replies with requests, in any order", async () => {
    const socket = await open();
    server.store("general", "Hi");
    let delay = 40;
    server.delayOut = () => (delay -= 10);
    const requests = [join("general"), ping(["general"]), history("general", { after: 0 })];
    const pending = requests.map((request) => socket.request(request));
    await time.pass(100);
    const [{ seq, epoch }, heads, page] = await Promise.all(pending);
    assert.deepEqual([seq, epoch], [1, server.log("general").epoch]);
    assert.deepEqual([heads.get("general"), page.epoch, page.messages[0].message], [{ seq, epoch }, epoch, "Hi"]);
  });

  it("passes on frames that are not replies", async () => {
    await open();
    server.say("general", "Hi");
    server.socket.push({ type: "disconnect", code: "banned", reconnect: false });
    await time.pass(10);
    assert.deepEqual(events, ["open", "messages", "disconnect"]);
  });

  it("answers a check of the server with a sign of life, and waits for nothing", async () => {
    const socket = await open();
    server.socket.push({ type: "check" });
    await time.pass(2);
    const pending = socket.request(ping([]));
    await time.pass(10);
    await pending;
    assert.deepEqual(
      server.received.map(({ action }) => action),
      ["alive", "ping"],
    );
    assert.deepEqual(events, ["open"]);
  });

  it("writes nothing to a WebSocket that is closing and has not told so yet, and fails with that event", async () => {
    const socket = await open();
    const { socket: webSocket } = server;
    const sent = [];
    webSocket.send = (text) => sent.push(text);
    webSocket.readyState = 2;
    const pending = assert.rejects(socket.request(ping([])), SocketClosed);
    await time.pass(1);
    webSocket.dispatchEvent(new MessageEvent("message", { data: JSON.stringify({ type: "check" }) }));
    webSocket.dispatchEvent(new Event("close"));
    await pending;
    assert.deepEqual(sent, []);
  });

  it("closes if the handshake or a reply takes too long", async () => {
    server.handshake = () => "hang";
    await open();
    await time.pass(TIMEOUT);
    assert.deepEqual(events, ["close"]);
    server.handshake = () => "open";
    const socket = await open();
    server.isLost = () => true;
    const pending = assert.rejects(socket.request(ping([])), SocketClosed);
    await time.pass(TIMEOUT);
    await pending;
    assert.deepEqual(events, ["close", "open", "close"]);
  });

  it("ignores a malformed reply", async () => {
    const socket = await open();
    server.isLost = (way) => way === "out";
    const request = write("general", { action: "send", id: "ref-1", message: "Hi" });
    const pending = socket.request(request);
    server.isLost = () => false;
    server.socket.push({ type: "reply", ref: "ref-1", status: "ok", seq: "one", id: "ref-1", at: "" });
    server.socket.push({ type: "reply", ref: "ref-1", status: "ok", seq: 7, id: "ref-1", at: "now" });
    await time.pass(10);
    assert.deepEqual(await pending, { seq: 7, id: "ref-1", at: "now" });
  });

  it("does not wait for the reply to a request that was dropped", async () => {
    const socket = await open();
    server.isLost = (way) => way === "out";
    const controller = new AbortController();
    const pending = assert.rejects(socket.request(ping([]), controller.signal), { name: "AbortError" });
    controller.abort();
    await pending;
    await time.pass(2 * TIMEOUT);
    assert.equal(socket.isOpen, true);
  });

  it("waits longer on a slow link for a reply that is behind other frames, but not for ever", async () => {
    const replyTimeout = new ReplyTimeout();
    const socket = await open({ replyTimeout });
    server.isLost = (way, { type }) => way === "out" && type === "reply";
    const sayFor = async (seconds) => {
      for (let second = 0; second < seconds && socket.isOpen; second++) {
        server.say("general", "Hi");
        await time.pass(1_000);
      }
    };
    replyTimeout.onLate(time.elapsed());
    const rejected = assert.rejects(socket.request(ping([])), SocketClosed);
    await sayFor(3 * replyTimeout.value / 1_000 - 2);
    assert.equal(socket.isOpen, true);
    await sayFor(5);
    await rejected;
  });

  it("waits no longer on a good link, whatever else comes", async () => {
    const socket = await open();
    server.isLost = (way, { type }) => way === "out" && type === "reply";
    const rejected = assert.rejects(socket.request(ping([])), SocketClosed);
    for (let second = 0; second < 11; second++) {
      server.say("general", "Hi");
      await time.pass(1_000);
    }
    await rejected;
  });

  it("sends every request again that may have failed, with growing pauses", async () => {
    const socket = await open();
    server.dies = () => true;
    const pending = socket.request(ping([]));
    await time.pass(6000); // 0.75, 1, 1.5 and 2.5 seconds
    assert.deepEqual([server.requests("ping").length, new Set(server.received.map(({ ref }) => ref)).size], [5, 1]);
    await time.pass(2 * TIMEOUT);
    assert.equal(socket.isOpen, true); // API Gateway replies, so the socket is alive.
    server.dies = () => false;
    await time.pass(30_000);
    await pending;
    await time.pass(10 * TIMEOUT);
    assert.equal(socket.isOpen, true);
  });

  it("retires when every request has its reply", async () => {
    const socket = await open();
    server.delayOut = () => 100;
    const pending = socket.request(ping([]));
    socket.retire();
    await time.pass(50);
    assert.equal(socket.isOpen, true);
    await time.pass(60);
    await pending;
    assert.equal(socket.isOpen, false);
  });

  it("retires after its timeout though a reply is missing", async () => {
    const socket = await open();
    server.delayOut = () => 7000;
    const pending = assert.rejects(socket.request(ping([])), SocketClosed);
    socket.retire(5000);
    await time.pass(4900);
    assert.equal(socket.isOpen, true);
    await time.pass(200);
    await pending;
    assert.equal(socket.isOpen, false);
  });

  it("rejects requests once it is closed, leaves no timer behind, and reports the close once", async () => {
    const socket = await open();
    socket.close();
    socket.close();
    await assert.rejects(socket.request(ping([])), SocketClosed);
    await time.pass(1);
    assert.deepEqual([events, time.waiting], [["open", "close"], 0]);
  });
});
