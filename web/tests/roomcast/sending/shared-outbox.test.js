import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { FakeLocks } from "../../support/locks.js";
import { FakeStorage } from "../../support/storage.js";
import { FakeTime } from "../../support/time.js";
import { ScriptedServer } from "../../support/server/server.js";

const SECOND = 1_000;

let time, server, storage, locks;
beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  storage = new FakeStorage();
  locks = new FakeLocks();
});

const stored = () => server.log("general").messages.map(({ message }) => message);
const sends = () => server.requests("send").length;

/** A tab of one browser: what it stores is shared, and its timers and sockets end with it. */
class Tab {
  #isOpen = true;

  constructor(client = "ada") {
    const clock = { ...time, setTimeout: (act, delay) => time.setTimeout(() => this.#isOpen && act(), delay) };
    this.client = new Client(server, { client, clock, storage, locks: locks.of(this) });
  }

  /** As a closed tab, a reload, or a killed process. */
  close() {
    this.#isOpen = false;
    this.socket?.vanish();
    locks.close(this);
  }

  async write(...texts) {
    const { room } = await this.client.join("general");
    this.socket = server.socket;
    server.isLost = (way, { action }) => action === "send";
    for (const text of texts) room.send(text);
    await time.pass(10);
    return room;
  }
}

describe("messages in a storage that tabs share", () => {
  it("are sent by the next tab, once, when theirs is gone", async () => {
    const tab = new Tab();
    await tab.write("one", "two");
    tab.close();
    server.isLost = () => false;
    const [next, another] = [new Tab(), new Tab()];
    const before = sends();
    await Promise.all([next.client.join("general"), another.client.join("general")]);
    await time.pass(5 * SECOND);
    assert.deepEqual([stored(), storage.items.size, locks.held.size], [["one", "two"], 0, 0]);
    assert.equal(sends() - before, 2);
  });

  it("are told to the next tab before it has joined, and are pending there", async () => {
    const tab = new Tab();
    await tab.write("one");
    tab.close();
    server.handshake = () => "reject";
    const { chat } = new Tab().client;
    chat.join("general").catch(() => {});
    const [room] = chat.joined;
    let restored = 0;
    room.addEventListener("restored", () => restored++);
    await time.pass(SECOND);
    assert.deepEqual([restored, room.pending.map(({ message }) => message)], [1, ["one"]]);
  });

  it("stay with their tab while it is there, and go on from there", async () => {
    const tab = new Tab();
    const room = await tab.write("one");
    const other = new Tab();
    const { room: same } = await other.client.join("general");
    await time.pass(5 * SECOND);
    assert.deepEqual([same.pending, room.pending.length], [[], 1]);
    server.isLost = () => false;
    await time.pass(60 * SECOND);
    assert.deepEqual([stored(), storage.items.size, locks.held.size], [["one"], 0, 0]);
  });

  it("are found in the moment after a reload, before the browser has freed the lock of the page before", async () => {
    const tab = new Tab();
    await tab.write("one");
    server.isLost = () => false;
    tab.socket.vanish();
    const next = new Tab();
    const joining = next.client.join("general");
    time.setTimeout(() => tab.close(), 150);
    await joining;
    await time.pass(5 * SECOND);
    assert.deepEqual([stored(), storage.items.size], [["one"], 0]);
  });

  it("are taken over by a tab that was there before, when it connects again", async () => {
    const other = new Tab();
    await other.client.join("general");
    await time.pass(5 * SECOND);
    const socket = server.socket;
    const tab = new Tab();
    await tab.write("one");
    tab.close();
    server.isLost = () => false;
    socket.cut();
    await time.pass(60 * SECOND);
    assert.deepEqual([stored(), storage.items.size], [["one"], 0]);
  });

  it("are taken over from the other tabs after ten seconds if the browser does not tell of one tab's lock", async () => {
    let answer;
    const tabs = [new Tab(), new Tab()];
    for (const [index, tab] of tabs.entries()) await tab.write(String(index));
    for (const tab of tabs) tab.close();
    server.isLost = () => false;
    const { request } = locks.of("any");
    const silent = [...storage.items.keys()][0].match(/[^ ]+$/)[0];
    locks.of = () => ({
      request: (name, ...rest) => (name.endsWith(silent) ? new Promise(() => (answer ??= rest.at(-1))) : request(name, ...rest)),
    });
    const { room } = await new Tab().client.join("general");
    await time.pass(9 * SECOND);
    assert.deepEqual(stored(), []);
    await time.pass(5 * SECOND);
    assert.deepEqual(stored(), ["1"]);
    answer({ name: "too late" });
    assert.deepEqual([room.pending, storage.items.size], [[], 1]); // It waits for who asks next.
  });

  it("are no other user's, and no other room's", async () => {
    const tab = new Tab();
    await tab.write("one");
    tab.close();
    server.isLost = () => false;
    await new Tab("eve").client.join("general");
    await new Tab().client.join("random");
    await time.pass(5 * SECOND);
    assert.deepEqual([stored(), server.log("random").messages, storage.items.size], [[], [], 1]);
  });

  it("count once if a tab ends before it holds its lock, and two send them", async () => {
    const tab = new Tab();
    await tab.write("one");
    locks.held.clear(); // Another tab believes that this one is gone.
    const { room } = await new Tab().client.join("general");
    server.isLost = () => false;
    await time.pass(60 * SECOND);
    assert.deepEqual([stored(), room.pending, storage.items.size], [["one"], [], 0]);
  });
});
