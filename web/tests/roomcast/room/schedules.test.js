import assert from "node:assert/strict";
import { test } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server.js";
import { FakeStorage } from "../../support/storage.js";
import { FakeTime, randomFrom } from "../../support/time.js";

const SECOND = 1_000;
const SEEDS = Number(process.env.SEEDS ?? 200);
const FIRST_SEED = Number(process.env.SEED ?? 1);
const FAULTY = 60 * SECOND; // how long faults happen
const CALM = 150 * SECOND; // and how long none happen after that

const FAULTS = [
  "lost", "shed", "duplicated", "dies", "slow", "busy", // frames
  "failed", "cut", "frozen", "row lost", "membership lost", // sockets
  "reload", // tabs
];

/** A user's tab. When it is killed, as by a reload, its timers and sockets stop, and only its storage stays. */
class Tab {
  alive = true;
  record = null;

  constructor(server, time, { items, ...options }) {
    const first = server.sockets.length;
    const { now, elapsed, clearTimeout } = time;
    const setTimeout = (action, delay) => time.setTimeout(() => this.alive && action(), delay);
    const storage = new FakeStorage(items);
    this.client = new Client(server, { ...options, storage, clock: { now, elapsed, setTimeout, clearTimeout } });
    this.sockets = () => server.sockets.slice(first).filter(({ user }) => user === options.client);
  }

  kill() {
    this.alive = false;
    for (const socket of this.sockets()) socket.vanish();
  }
}

/** Some users in one room, with the faults of one seed. */
class Schedule {
  time = new FakeTime();
  server = new ScriptedServer(this.time);
  written = [];
  records = [];
  acknowledged = new Map();

  constructor(seed) {
    this.random = randomFrom(seed);
    this.handsOver = this.random() < 0.3; // A hand-over repairs much, so most schedules have none.
    const maxRate = this.random() * 0.2;
    this.rates = Object.fromEntries(FAULTS.map((name) => [name, this.random() < 0.5 ? 0 : this.random() * maxRate]));
  }

  chance(name) {
    return this.isFaulty && this.random() < this.rates[name];
  }

  async run() {
    const { server, time } = this;
    const delay = (usual, slow) => () => this.random() * (this.chance("slow") ? slow : usual);
    Object.assign(server, {
      delayIn: delay(50, 3 * SECOND),
      delayOut: delay(50, 3 * SECOND),
      writeDelay: delay(20, 12 * SECOND),
      streamLag: delay(300, 5 * SECOND),
      handshake: () => (this.chance("failed") ? (this.random() < 0.5 ? "reject" : "hang") : "open"),
      isLost: () => this.chance("lost"),
      isShed: () => this.chance("shed"),
      isDuplicated: () => this.chance("duplicated"),
      dies: () => this.chance("dies"),
      error: () => this.chance("busy") && { code: "rate_limited", retry_after: this.random() },
    });
    this.isFaulty = true;
    const users = Array.from({ length: 3 }, (_, index) => this.live(`c${index}`));
    await time.pass(FAULTY);
    this.isFaulty = false;
    await time.pass(CALM);
    this.over = true;
    await time.pass(10 * SECOND);
    await Promise.all(users);
  }

  /** Write messages while faults happen to the tab and its connection. */
  async live(client) {
    const { time, server } = this;
    const options = {
      client,
      random: this.random,
      items: new Map(), // what is stored in the tab
      lifetime: this.handsOver ? (10 + this.random() * 40) * SECOND : undefined,
      heartbeat: (5 + this.random() * 20) * SECOND,
    };
    let tab = this.enter(new Tab(server, time, options));
    for (let turn = 0; !this.over; turn++) {
      await time.later(this.random() * 2 * SECOND);
      const socket = server.open.find(({ user }) => user === client);
      if (this.chance("cut")) socket?.cut();
      if (this.chance("frozen")) socket && (socket.isFrozen = true);
      if (this.chance("row lost")) socket?.loseRow();
      if (this.chance("membership lost")) socket?.rooms.clear();
      if (this.chance("reload") && tab.record) {
        tab.kill();
        tab.record.ended = true;
        tab = this.enter(new Tab(server, time, options));
      }
      if (this.isFaulty && tab.record) this.write(tab.record, `${client} ${turn}`);
    }
  }

  enter(tab) {
    tab.client.startJoin("general").then((record) => {
      record.head = this.server.log("general").head;
      tab.record = record;
      this.records.push(record);
      record.room.addEventListener("sent", ({ detail: { id, seq } }) => this.acknowledged.set(id, seq));
    });
    return tab;
  }

  write(record, text) {
    this.written.push(text);
    record.room.send(text, { ref: text });
  }

  check() {
    const all = this.server.log("general").messages;
    assert.deepEqual(all.map(({ message }) => message).sort(), this.written.sort(), "each message is stored once");
    for (const client of new Set(this.written.map(clientOf))) {
      const turns = all.map(({ message }) => message).filter((text) => clientOf(text) === client).map(turnOf);
      assert.deepEqual(turns, turns.toSorted((a, b) => a - b), "a user's messages are in order");
    }
    const seqOf = new Map(all.map(({ id, seq }) => [id, seq]));
    for (const [id, seq] of this.acknowledged) assert.equal(seq, seqOf.get(id), `${id} has its acknowledged seq`);
    for (const { seqs, events, lost, ended, head } of this.records) {
      const [first = Infinity, last = ended ? -1 : Infinity] = [seqs[0], seqs.at(-1)];
      const until = ended ? last : Infinity;
      const from = Math.min(first, head + 1);
      const expected = all.map(({ seq }) => seq).filter((seq) => from <= seq && seq <= until);
      assert.deepEqual(seqs, expected, "each message is shown once, in order");
      assert.deepEqual(lost, []);
      assert.deepEqual(events.filter((event) => event === "reset" || event.startsWith("failed")), []);
    }
    const open = this.records.filter(({ ended }) => !ended);
    for (const { room } of open) assert.deepEqual([room.state, room.pending], ["joined", []]);
    const shown = this.records.flatMap(({ seqs }) => seqs);
    return { written: this.written.length, sockets: this.server.sockets.length, shown: shown.length };
  }
}

const clientOf = (text) => text.split(" ")[0];
const turnOf = (text) => Number(text.split(" ")[1]);

test("whatever goes wrong, each acknowledged message is shown to every member once, in order", async (t) => {
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
