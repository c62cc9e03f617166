import assert from "node:assert/strict";
import { test } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeTime, randomFrom } from "../../support/time.js";

const SECOND = 1_000;
const SEEDS = Number(process.env.SEEDS ?? 60);
const FIRST_SEED = Number(process.env.SEED ?? 1);
const BUSY = 60 * SECOND; // how long people join and leave
/** How long it takes until every list is right: if each frame arrives, and if frames are lost. */
const CALM = { reliable: 15 * SECOND, lossy: 9 * 60 * SECOND };

/** A tab that listens to `presence`, and keeps a list of its own from `joined` and `left`. */
class Tab {
  list = null;
  isOpen = true;
  /** @type {import("../../support/server/server.js").FakeSocket[]} */
  sockets = [];

  constructor(server, time, options) {
    this.user = options.client;
    const { now, elapsed, clearTimeout } = time;
    const setTimeout = (action, delay) => time.setTimeout(() => this.isOpen && action(), delay);
    const tab = this;
    const WebSocket = class extends server.WebSocket {
      constructor(...address) {
        super(...address);
        tab.sockets.push(this);
      }
    };
    this.client = new Client({ time, WebSocket }, { ...options, clock: { now, elapsed, setTimeout, clearTimeout } });
    this.client.chat.join("general").then((room) => this.#watch(room));
  }

  #watch(room) {
    this.room = room;
    room.addEventListener("presence", ({ detail: { joined, left, members } }) => {
      this.list ??= new Set(members.keys());
      for (const { user } of joined) this.list.add(user);
      for (const { user } of left) this.list.delete(user);
    });
  }

  /** Vanish, as in a reload or a crash. */
  kill() {
    this.isOpen = false;
    for (const socket of this.sockets) socket.vanish();
  }
}

/** Some users with some tabs each, which are opened, closed, reloaded and cut at random. */
class Scenario {
  time = new FakeTime();
  server = new ScriptedServer(this.time);
  tabs = [];

  constructor(seed) {
    this.random = randomFrom(seed);
    this.isReliable = this.random() < 0.5; // each frame arrives
    this.maxRate = this.random() * 0.3;
  }

  chance(rate) {
    return !this.isOver && this.random() < rate;
  }

  async run() {
    const { server, time, random } = this;
    const isLost = () => !this.isReliable && this.chance(this.maxRate);
    Object.assign(server, {
      sendsPresence: true,
      delayIn: () => random() * 200,
      delayOut: () => random() * 200,
      streamLag: () => random() * 500,
      isLost,
      isShed: isLost,
      error: () => isLost() && { code: "rate_limited", retry_after: random() },
    });
    server.presence.pageSize = 3;
    const users = Array.from({ length: 6 }, (_, index) => this.live(`c${index}`));
    await time.pass(BUSY);
    this.isOver = true;
    await time.pass(this.isReliable ? CALM.reliable : CALM.lossy);
    await Promise.all(users);
  }

  async live(client) {
    const { random, time } = this;
    const options = { client, random, heartbeat: 20 * SECOND };
    if (random() < 0.3) options.lifetime = (10 + random() * 30) * SECOND;
    while (!this.isOver) {
      const tabs = this.tabs.filter((tab) => tab.isOpen && tab.user === client);
      const [tab] = tabs.toSorted(() => random() - 0.5);
      if (tabs.length < 3 && this.chance(0.4)) this.open(options);
      if (tab && this.chance(0.2)) tab.kill();
      if (tab?.isOpen && this.chance(0.2)) tab.sockets.at(-1)?.cut();
      if (tab?.isOpen && this.chance(0.1)) this.reload(tab, options);
      if (tab?.isOpen && !this.isReliable && this.chance(this.maxRate)) tab.sockets.at(-1)?.loseRow();
      await time.later(random() * 4 * SECOND);
    }
  }

  open(options) {
    this.tabs.push(new Tab(this.server, this.time, options));
  }

  reload(tab, options) {
    tab.kill();
    this.open(options);
  }

  check() {
    const expected = [...this.server.presence.people("general").keys()].sort();
    const open = this.tabs.filter(({ isOpen }) => isOpen);
    for (const { room, list } of open) {
      assert.deepEqual([...room.members.keys()].sort(), expected, "every list is right");
      assert.deepEqual([...list].sort(), expected, "and so is the list made of joined and left");
    }
    assert.deepEqual([...new Set(open.map(({ user }) => user))].sort(), expected);
    return { opened: this.tabs.length, checked: open.length, requests: this.server.requests("presence").length };
  }
}

test("whoever joins and leaves, and however, every member's list is right in the end", async (t) => {
  const totals = {};
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const scenario = new Scenario(seed);
    try {
      await scenario.run();
      for (const [name, count] of Object.entries(scenario.check())) totals[name] = (totals[name] ?? 0) + count;
    } catch (error) {
      error.message = `SEED=${seed}: ${error.message}`;
      throw error;
    }
  }
  t.diagnostic(`${SEEDS} schedules from seed ${FIRST_SEED}: ${JSON.stringify(totals)}`);
  assert.ok(totals.checked > SEEDS);
});
