import assert from "node:assert/strict";
import { test } from "node:test";

import { Person } from "../support/client-fixture.js";
import { ScriptedServer } from "../support/server.js";
import { FakeTime, randomFrom } from "../support/time.js";

const SECOND = 1_000;
const SEEDS = Number(process.env.SEEDS ?? 60);
const FIRST_SEED = Number(process.env.SEED ?? 1);
const RESTLESS = 60 * SECOND; // how long people come and go
/** How long it takes until everybody's list is right: where each frame arrives, and where none need to. */
const CALM = { kind: 15 * SECOND, unkind: 9 * 60 * SECOND };

/** A tab of somebody who watches who is there, and keeps a list of their own from what is told. */
class Tab {
  list = null;
  isOpen = true;
  /** @type {import("../support/server.js").FakeSocket[]} */
  sockets = [];

  constructor(server, time, options) {
    this.client = options.client;
    const { now, clearTimeout } = time;
    const setTimeout = (action, delay) => time.setTimeout(() => this.isOpen && action(), delay);
    const tab = this;
    const WebSocket = class extends server.WebSocket {
      constructor(...address) {
        super(...address);
        tab.sockets.push(this);
      }
    };
    this.person = new Person({ time, WebSocket }, { ...options, clock: { now, setTimeout, clearTimeout } });
    this.person.chat.join("general").then((room) => this.#watch(room));
  }

  #watch(room) {
    this.room = room;
    room.addEventListener("presence", ({ detail: { joined, left, members } }) => {
      this.list ??= new Set(members.keys());
      for (const { user } of joined) this.list.add(user);
      for (const { user } of left) this.list.delete(user);
    });
  }

  /** Without a word, as a reload or a crash has it. */
  kill() {
    this.isOpen = false;
    for (const socket of this.sockets) socket.vanish();
  }
}

/** Some people with some tabs each, that are opened, closed, reloaded and cut at random. */
class Coming {
  time = new FakeTime();
  server = new ScriptedServer(this.time);
  tabs = [];

  constructor(seed) {
    this.random = randomFrom(seed);
    this.isKind = this.random() < 0.5; // each frame arrives, in the end
    this.worst = this.random() * 0.3;
  }

  chance(rate) {
    return !this.isOver && this.random() < rate;
  }

  async run() {
    const { server, time, random } = this;
    const isLost = () => !this.isKind && this.chance(this.worst);
    Object.assign(server, {
      tellsMoves: true,
      wayIn: () => random() * 200,
      wayOut: () => random() * 200,
      lag: () => random() * 500,
      isLost,
      isShed: isLost,
      refusal: () => isLost() && { code: "rate_limited", retry_after: random() },
    });
    server.attendance.page = 3;
    const people = Array.from({ length: 6 }, (_, index) => this.live(`c${index}`));
    await time.pass(RESTLESS);
    this.isOver = true;
    await time.pass(this.isKind ? CALM.kind : CALM.unkind);
    await Promise.all(people);
  }

  async live(client) {
    const { random, time } = this;
    const options = { client, random, heartbeat: 20 * SECOND };
    if (random() < 0.3) options.lifetime = (10 + random() * 30) * SECOND;
    while (!this.isOver) {
      const mine = this.tabs.filter((tab) => tab.isOpen && tab.client === client);
      const [tab] = mine.toSorted(() => random() - 0.5);
      if (mine.length < 3 && this.chance(0.4)) this.open(options);
      if (tab && this.chance(0.2)) tab.kill();
      if (tab?.isOpen && this.chance(0.2)) tab.sockets.at(-1)?.cut();
      if (tab?.isOpen && this.chance(0.1)) this.reload(tab, options);
      if (tab?.isOpen && !this.isKind && this.chance(this.worst)) tab.sockets.at(-1)?.forget();
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
    const truth = [...this.server.attendance.people("general").keys()].sort();
    const open = this.tabs.filter(({ isOpen }) => isOpen);
    for (const { room, list } of open) {
      assert.deepEqual([...room.members.keys()].sort(), truth, "everybody's list is the truth");
      assert.deepEqual([...list].sort(), truth, "and so is what one keeps from what is told");
    }
    assert.deepEqual([...new Set(open.map(({ client }) => client))].sort(), truth);
    return { opened: this.tabs.length, checked: open.length, asked: this.server.askedFor("presence").length };
  }
}

test("whoever comes and goes, and however, everybody's list is the truth in the end", async (t) => {
  const totals = {};
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const coming = new Coming(seed);
    try {
      await coming.run();
      for (const [name, count] of Object.entries(coming.check())) totals[name] = (totals[name] ?? 0) + count;
    } catch (error) {
      error.message = `SEED=${seed}: ${error.message}`;
      throw error;
    }
  }
  t.diagnostic(`${SEEDS} schedules from seed ${FIRST_SEED}: ${JSON.stringify(totals)}`);
  assert.ok(totals.checked > SEEDS);
});
