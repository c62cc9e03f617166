import assert from "node:assert/strict";
import { test } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
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
  changed = new Map(); // the numbers of acknowledged changes, by ref

  constructor(seed) {
    this.random = randomFrom(seed);
    this.handsOver = this.random() < 0.3; // A hand-over repairs much, so most schedules have none.
    const maxRate = this.random() * 0.2;
    this.changes = this.random() < 0.5 ? 0.6 : 0; // how often a turn changes a message, too
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
      if (this.isFaulty && tab.record && this.random() < this.changes) this.change(tab.record);
    }
  }

  enter(tab) {
    tab.client.startJoin("general").then((record) => {
      record.head = this.server.log("general").head;
      tab.record = record;
      this.records.push(record);
      record.room.addEventListener("sent", ({ detail: { id, seq, of } }) => {
        if (of === undefined) this.acknowledged.set(id, seq);
        else this.changed.set(id, seq);
      });
      record.forms = new Map();
      for (const type of ["message", "changed", "reactions"]) {
        record.room.addEventListener(type, ({ detail }) => record.forms.set(detail.seq, detail));
      }
    });
    return tab;
  }

  write(record, text) {
    this.written.push(text);
    record.room.send(text, { ref: text });
  }

  /** Edit or delete a message of the user's own, or react to any. */
  change({ room, messages, forms }) {
    const isMine = ({ user }) => user === room.user;
    const action = ["edit", "edit", "delete", "react", "react", "react"][Math.floor(this.random() * 6)];
    const choice = messages.filter((message) => action === "react" || isMine(message)).slice(-8);
    const target = choice[Math.floor(this.random() * choice.length)];
    if (!target || forms.get(target.seq).deleted) return;
    if (action === "edit") room.edit(target.seq, `${target.message}, edited`);
    if (action === "delete") room.delete(target.seq);
    if (action === "react") room.react(target.seq, this.random() < 0.5 ? "👍" : "🎉", this.random() < 0.7);
  }

  checkChanges() {
    const log = this.server.log("general");
    const rowsOfRefs = new Map(log.refs);
    for (const [ref, seq] of this.changed) {
      assert.equal(rowsOfRefs.get(ref), seq, `${ref} has its acknowledged number`);
      assert.ok(log.rows.get(seq).change, "an acknowledged change is in the log");
    }
    const stored = new Map(log.messages.map((message) => [message.seq, message]));
    for (const { forms } of this.records.filter(({ ended }) => !ended)) {
      for (const [seq, { editedAt, ...form }] of forms) {
        const { edited_at, ...wanted } = stored.get(seq);
        const reactions = wanted.reactions ?? [];
        assert.deepEqual({ ...form, reactions: form.reactions ?? [] }, { ...wanted, reactions }, "each member sees each message as it is");
        assert.equal(editedAt, edited_at);
      }
    }
    return [...log.rows.values()].filter(({ change }) => change).length;
  }

  check() {
    const changes = this.checkChanges();
    const all = this.server.log("general").messages;
    assert.deepEqual(all.map(({ id }) => id).sort(), this.written.sort(), "each message is stored once");
    for (const client of new Set(this.written.map(clientOf))) {
      const turns = all.map(({ id }) => id).filter((text) => clientOf(text) === client).map(turnOf);
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
      assert.deepEqual(events.filter((event) => event === "reset" || isFailure(event)), []);
    }
    const open = this.records.filter(({ ended }) => !ended);
    for (const { room } of open) assert.deepEqual([room.state, room.pending, room.pendingChanges], ["joined", [], []]);
    const shown = this.records.flatMap(({ seqs }) => seqs);
    return { written: this.written.length, sockets: this.server.sockets.length, shown: shown.length, changes };
  }
}

/** A change fails if its message was deleted meanwhile. */
const isFailure = (event) => event.startsWith("failed") && event !== "failed: invalid_message";
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
  assert.ok(totals.changes > SEEDS);
});
