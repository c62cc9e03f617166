import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";

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

describe("a browser that reports its network", () => {
  const browser = new EventTarget();
  const dispatch = (type) => browser.dispatchEvent(new Event(type));
  const document = Object.assign(new EventTarget(), { hidden: false });
  function show(isShown) {
    document.hidden = !isShown;
    document.dispatchEvent(new Event("visibilitychange"));
  }

  beforeEach(() => {
    globalThis.addEventListener = browser.addEventListener.bind(browser);
    globalThis.document = document;
  });

  afterEach(() => {
    delete globalThis.addEventListener;
    delete globalThis.document;
  });

  it("is believed if the server does not answer a ping, and reconnects at once when it is online", async () => {
    const ada = client();
    await ada.join("general");
    server.socket.isFrozen = true;
    server.handshake = () => "hang";
    dispatch("offline");
    await time.pass(3 * SECOND);
    assert.deepEqual([ada.states.at(-1), server.open.length], ["offline", 0]);
    await time.pass(5 * SECOND);
    assert.equal(server.sockets.length, 2);
    server.handshake = () => "open";
    await time.pass(6 * SECOND);
    dispatch("online");
    await time.pass(10);
    assert.equal(ada.states.at(-1), "open");
    ada.chat.close();
  });

  it("is not believed if the server answers: the line is kept", async () => {
    const ada = client();
    const record = await ada.join("general");
    for (let times = 0; times < 3; times++) {
      dispatch("offline");
      server.say("general", "Hi");
      await time.pass(10 * SECOND);
    }
    assert.deepEqual([ada.states, server.sockets.length, record.texts.length], [["connecting", "open"], 1, 3]);
    ada.chat.close();
  });

  it("is back within seconds though it never reports that it is online", async () => {
    const ada = client();
    await ada.join("general");
    server.socket.isFrozen = true;
    dispatch("offline");
    await time.pass(4 * SECOND);
    assert.deepEqual(ada.states, ["connecting", "open", "offline", "open"]);
    ada.chat.close();
  });

  it("does not end the handshake that is under way for longer than a moment", async () => {
    server.handshake = () => "hang";
    const ada = client();
    const joining = ada.chat.join("general");
    await time.pass(SECOND);
    server.handshake = () => "open";
    dispatch("offline");
    await time.pass(2 * SECOND);
    await joining;
    assert.equal(ada.chat.state, "open");
    ada.chat.close();
  });

  it("ends a pause between two attempts when its page is shown again", async () => {
    const ada = client();
    server.handshake = () => "reject";
    ada.chat.join("general");
    await time.pass(10 * SECOND);
    const { length } = server.sockets;
    server.handshake = () => "open";
    show(false);
    await time.pass(10);
    assert.equal(server.sockets.length, length);
    show(true);
    await time.pass(10);
    assert.equal(ada.chat.state, "open");
    ada.chat.close();
  });

  it("checks the connection when its page is shown again", async () => {
    const ada = client();
    const record = await ada.join("general");
    server.store("general", "not broadcast");
    dispatch("pageshow");
    await time.pass(2 * SECOND);
    assert.deepEqual(record.texts, ["not broadcast"]);
    ada.chat.close();
  });

  it("reads the list of rooms again when its page is shown again, at most once in 30 seconds", async () => {
    const { chat } = client({ client: "ada" });
    server.subscriptions.add("ada", "not joined");
    chat.rooms();
    await time.pass(20 * SECOND);
    server.say("not joined", "news");
    show(true);
    await time.pass(SECOND);
    assert.deepEqual([chat.rooms().list[0].unread, server.requests("rooms").length], [0, 1]);
    await time.pass(10 * SECOND);
    show(false);
    await time.pass(SECOND);
    assert.equal(server.requests("rooms").length, 1);
    for (let times = 0; times < 4; times++) {
      show(false);
      show(true);
      await time.pass(9 * SECOND);
    }
    assert.deepEqual([chat.rooms().list[0].unread, server.requests("rooms").length], [1, 2]);
    show(true);
    await time.pass(SECOND);
    assert.equal(server.requests("rooms").length, 3);
    chat.close();
    await time.pass(MINUTE);
    show(true);
    await time.pass(SECOND);
    assert.equal(server.requests("rooms").length, 3);
  });

  it("does not read a list of rooms that nobody has asked for", async () => {
    const ada = client();
    await ada.join("general");
    await time.pass(MINUTE);
    show(true);
    await time.pass(SECOND);
    assert.equal(server.requests("rooms").length, 0);
    ada.chat.close();
  });

  it("is ignored once the chat is closed", async () => {
    const ada = client();
    await ada.join("general");
    ada.chat.close();
    dispatch("online");
    dispatch("offline");
    await time.pass(MINUTE);
    assert.deepEqual([ada.states.at(-1), server.sockets.length], ["closed: closed", 1]);
  });
});
