import assert from "node:assert/strict";
import { it } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeTime } from "../../support/time.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const RUNS = 150;
const STEPS = 40;

/** A generator of the same numbers for the same seed (mulberry32). */
function generator(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a list must show of a room, as the server has it. */
function truth(server, room) {
  const { read, muted } = server.subscriptions.of("ada").get(room);
  const messages = [...server.log(room).rows.values()].flatMap(({ message }) => message ?? []);
  const newest = messages.reduce((one, other) => (other.seq > (one?.seq ?? 0) ? other : one), undefined);
  const unread = messages.filter(({ seq }) => seq > read).length;
  return [room, read, unread, muted, newest?.message];
}

async function play(seed) {
  const random = generator(seed);
  const chance = (share) => random() < share;
  const pick = (list) => list[Math.floor(random() * list.length)];
  const time = new FakeTime();
  const server = new ScriptedServer(time);
  server.delayIn = () => 1 + random() * 40;
  server.delayOut = () => 1 + random() * 40;
  server.subscriptions.noticeDelay = () => 1 + random() * 300;
  server.subscriptions.noticesHaveSeq = chance(0.5);
  server.isDuplicated = () => chance(0.1);
  server.isShed = () => chance(0.1);
  server.subscriptions.pageSize = 2;
  const rooms = ["a", "b", "c"];
  for (const room of rooms) server.say(room, "first");
  for (const room of rooms) server.subscriptions.add("ada", room, { read: 0 });
  const { chat } = new Client(server, { client: "ada", random });
  if (chance(0.5)) chat.rooms();
  const joined = [];
  const join = async (name) => {
    const room = await chat.join(name);
    joined.push(room);
  };
  join("a");
  if (chance(0.5)) join("b");
  const { subscriptions } = server;
  const steps = [
    (room) => server.say(room, `${random()}`),
    (room) => server.say(room, `${random()}`),
    (room) => server.change(room, 1, { action: "edit", message: `${random()}` }),
    (room) => server.change(room, server.log(room).head, { action: "delete" }),
    (room) => subscriptions.mark("ada", room, 1 + Math.floor(random() * server.log(room).head)),
    () => pick(joined)?.send(`${random()}`, { mentions: ["ada"] }),
    () => pick(joined)?.read(1 + Math.floor(random() * 20)).catch(() => {}),
    () => pick(joined)?.read(server.log("a").head).catch(() => {}),
    () => chat.rooms(),
    () => chance(0.3) && server.socket?.cut(),
    (room) => chance(0.2) && subscriptions.add("ada", room, { muted: chance(0.5) }),
  ];
  for (let step = 0; step < STEPS; step++) {
    pick(steps)(pick(rooms));
    await time.pass(random() * (chance(0.1) ? 20 * SECOND : 300));
  }
  chat.rooms();
  server.isShed = () => false;
  await time.pass(20 * MINUTE);
  const shown = () => chat.rooms().list.map(({ room, read, unread, muted, newest }) => [room, read, unread, muted, newest?.message]).sort();
  const names = joined.map(({ name }) => name);
  const expected = rooms.map((room) => truth(server, room));
  const ofJoined = (places) => places.filter(([room]) => names.includes(room));
  assert.deepEqual(ofJoined(shown()), ofJoined(expected), `seed ${seed}, joined rooms`);
  server.socket.cut();
  await time.pass(MINUTE);
  assert.deepEqual(shown(), expected, `seed ${seed}, after a reconnect`);
  chat.close();
}

it(`the list becomes what the server has, whatever happens (${RUNS} schedules)`, async () => {
  for (let seed = 1; seed <= RUNS; seed++) await play(seed);
});
