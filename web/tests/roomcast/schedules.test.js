import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeStorage, Person } from "../support/client-fixture.js";
import { ScriptedServer } from "../support/server.js";
import { FakeTime, randomFrom } from "../support/time.js";

const SECOND = 1_000;
const SEEDS = Number(process.env.SEEDS ?? 200);
const FIRST_SEED = Number(process.env.SEED ?? 1);
const UNKIND = 60 * SECOND; // how long everything goes wrong
const KIND = 150 * SECOND; // and then nothing any more

const FAULTS = [
  "lost", "shed", "twice", "dies", "slow_mode", "busy", // frames
  "failed", "cut", "frozen", "forgotten", "strayed", // sockets
  "reload", // tabs
];

/** One person's tab: reloaded, its timers and sockets fall silent, and only the storage stays. */
class Tab {
  alive = true;
  visit = null;

  constructor(server, time, options) {
    const first = server.sockets.length;
    const { now, clearTimeout } = time;
    const setTimeout = (action, delay) => time.setTimeout(() => this.alive && action(), delay);
    this.person = new Person(server, { ...options, clock: { now, setTimeout, clearTimeout } });
    this.sockets = () => server.sockets.slice(first).filter(({ user }) => user === options.client);
  }

  kill() {
    this.alive = false;
    for (const socket of this.sockets()) socket.vanish();
  }
}

/** All that happens to some people in one room, for one seed. */
class Schedule {
  time = new FakeTime();
  server = new ScriptedServer(this.time);
  written = [];
  visits = [];
  acknowledged = new Map();

  constructor(seed) {
    this.random = randomFrom(seed);
    this.handsOver = this.random() < 0.3; // It heals much, so most have to do without.
    const worst = this.random() * 0.2;
    this.rates = Object.fromEntries(FAULTS.map((name) => [name, this.random() < 0.5 ? 0 : this.random() * worst]));
  }

  chance(name) {
    return this.unkind && this.random() < this.rates[name];
  }

  async run() {
    const { server, time } = this;
    const delay = (usual, slow) => () => this.random() * (this.chance("slow_mode") ? slow : usual);
    Object.assign(server, {
      wayIn: delay(50, 3 * SECOND),
      wayOut: delay(50, 3 * SECOND),
      work: delay(20, 12 * SECOND),
      lag: delay(300, 5 * SECOND),
      handshake: () => (this.chance("failed") ? (this.random() < 0.5 ? "refuse" : "hang") : "open"),
      isLost: () => this.chance("lost"),
      isShed: () => this.chance("shed"),
      isTwice: () => this.chance("twice"),
      dies: () => this.chance("dies"),
      refusal: () => this.chance("busy") && { code: "rate_limited", retry_after: this.random() },
    });
    this.unkind = true;
    const people = Array.from({ length: 3 }, (_, index) => this.live(`c${index}`));
    await time.pass(UNKIND);
    this.unkind = false;
    await time.pass(KIND);
    this.over = true;
    await time.pass(10 * SECOND);
    await Promise.all(people);
  }

  /** Talks, and suffers what happens to a tab and to its connection. */
  async live(client) {
    const { time, server } = this;
    const options = {
      client,
      random: this.random,
      storage: new FakeStorage(),
      lifetime: this.handsOver ? (10 + this.random() * 40) * SECOND : undefined,
      heartbeat: (5 + this.random() * 20) * SECOND,
    };
    let tab = this.enter(new Tab(server, time, options));
    for (let turn = 0; !this.over; turn++) {
      await time.later(this.random() * 2 * SECOND);
      const socket = server.open.find(({ user }) => user === client);
      if (this.chance("cut")) socket?.cut();
      if (this.chance("frozen")) socket && (socket.isFrozen = true);
      if (this.chance("forgotten")) socket?.forget();
      if (this.chance("strayed")) socket?.rooms.clear();
      if (this.chance("reload") && tab.visit) {
        tab.kill();
        tab.visit.ended = true;
        tab = this.enter(new Tab(server, time, options));
      }
      if (this.unkind && tab.visit) this.write(tab.visit, `${client} ${turn}`);
    }
  }

  enter(tab) {
    tab.person.visit("general").then((visit) => {
      visit.head = this.server.log("general").head;
      tab.visit = visit;
      this.visits.push(visit);
      visit.room.addEventListener("sent", ({ detail: { id, seq } }) => this.acknowledged.set(id, seq));
    });
    return tab;
  }

  write(visit, text) {
    this.written.push(text);
    visit.room.send(text, { ref: text });
  }

  check() {
    const all = this.server.log("general").messages;
    assert.deepEqual(all.map(({ message }) => message).sort(), this.written.sort(), "each is stored once");
    for (const client of new Set(this.written.map(clientOf))) {
      const turns = all.map(({ message }) => message).filter((text) => clientOf(text) === client).map(turnOf);
      assert.deepEqual(turns, turns.toSorted((a, b) => a - b), "one's own are in the order they were written");
    }
    const place = new Map(all.map(({ id, seq }) => [id, seq]));
    for (const [id, seq] of this.acknowledged) assert.equal(seq, place.get(id), `${id} is where its sender was told`);
    for (const { seqs, events, gaps, ended, head } of this.visits) {
      const [first = Infinity, last = ended ? -1 : Infinity] = [seqs[0], seqs.at(-1)];
      const until = ended ? last : Infinity;
      const from = Math.min(first, head + 1);
      const expected = all.map(({ seq }) => seq).filter((seq) => from <= seq && seq <= until);
      assert.deepEqual(seqs, expected, "each is shown once, in order");
      assert.deepEqual(gaps, []);
      assert.deepEqual(events.filter((event) => event === "reset" || event.startsWith("failed")), []);
    }
    for (const { ended, room } of this.visits) if (!ended) assert.deepEqual([room.state, room.pending], ["joined", []]);
    const shown = this.visits.flatMap(({ seqs }) => seqs);
    return { written: this.written.length, sockets: this.server.sockets.length, shown: shown.length };
  }
}

const clientOf = (text) => text.split(" ")[0];
const turnOf = (text) => Number(text.split(" ")[1]);

test("whatever goes wrong, each acknowledged message is shown to everybody once, in order", async (t) => {
  const totals = {};
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const schedule = new Schedule(seed);
    try {
      await schedule.run();
      for (const [name, count] of Object.entries(schedule.check())) totals[name] = (totals[name] ?? 0) + count;
    } catch (error) {
      error.message = `SEED=${seed}: ${error.message}`;
      throw error;
    }
  }
  t.diagnostic(`${SEEDS} schedules from seed ${FIRST_SEED}: ${JSON.stringify(totals)}`);
  assert.ok(totals.shown > totals.written);
});
