import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";

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

describe("a browser that reports its network", () => {
  const browser = new EventTarget();
  const dispatch = (type) => browser.dispatchEvent(new Event(type));
  const document = Object.assign(new EventTarget(), { hidden: false });

  beforeEach(() => {
    globalThis.addEventListener = browser.addEventListener.bind(browser);
    globalThis.document = document;
  });

  afterEach(() => {
    delete globalThis.addEventListener;
    delete globalThis.document;
  });

  it("closes the socket when it goes offline, and reconnects at once when it is online", async () => {
    const ada = client();
    await ada.join("general");
    dispatch("offline");
    assert.deepEqual([ada.states.at(-1), server.open.length], ["offline", 0]);
    await time.pass(20 * SECOND);
    assert.equal(server.sockets.length, 1);
    dispatch("online");
    await time.pass(10);
    assert.deepEqual(ada.states, ["connecting", "open", "offline", "reconnecting", "open"]);
    ada.chat.close();
  });

  it("ends the handshake that is under way", async () => {
    const ada = client();
    server.handshake = () => "hang";
    const joining = assert.rejects(ada.chat.join("general"), { code: "closed" });
    await time.pass(10);
    for (let times = 1; times <= 3; times++) {
      dispatch("offline");
      await time.pass(25 * SECOND);
      assert.deepEqual([ada.chat.state, server.sockets.length], ["offline", times]);
      dispatch("online");
      await time.pass(SECOND);
    }
    await time.pass(10 * SECOND);
    assert.equal(ada.chat.state, "reconnecting"); // not "unreachable": just one handshake has failed
    ada.chat.close();
    await joining;
  });

  it("is not believed for ever, because it may be wrong", async () => {
    const ada = client();
    await ada.join("general");
    dispatch("offline");
    await time.pass(MINUTE);
    assert.deepEqual(ada.states.slice(-2), ["offline", "open"]);
    ada.chat.close();
  });

  it("ends a pause between two attempts when its page is shown again", async () => {
    const ada = client();
    server.handshake = () => "reject";
    ada.chat.join("general");
    await time.pass(10 * SECOND);
    const { length } = server.sockets;
    server.handshake = () => "open";
    document.hidden = true;
    document.dispatchEvent(new Event("visibilitychange"));
    await time.pass(10);
    assert.equal(server.sockets.length, length);
    document.hidden = false;
    document.dispatchEvent(new Event("visibilitychange"));
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
