import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

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

const pings = () => server.requests("ping").length;

/** Whole seconds until the next ping. */
async function untilPing() {
  const before = pings();
  for (let seconds = 0; ; seconds++) {
    if (pings() > before) return seconds;
    await time.pass(SECOND);
    assert.ok(seconds < 3600, "no ping in an hour");
  }
}

/** Join a room, and let the first ping find it quiet. */
async function joinQuietRoom(options) {
  const ada = client(options);
  const record = await ada.join("general");
  await untilPing();
  await time.pass(SECOND);
  return { ada, record };
}

const isSoon = (seconds) => assert.ok(seconds >= 119 && seconds <= 152, `${seconds} seconds`);
const isRare = (seconds) => assert.ok(seconds >= 479 && seconds <= 540, `${seconds} seconds`);

describe("a room is asked for", () => {
  it("two minutes after the join, then every 8 to 9 minutes, both at a random time", async () => {
    for (random of [0, 0.5, 0.999]) {
      server = new ScriptedServer(time);
      const ada = client();
      await ada.join("general");
      const soon = await untilPing();
      assert.ok(Math.abs(soon - 120 - 30 * random) <= 2, `${soon}, at ${random}`);
      const seconds = [await untilPing(), await untilPing()];
      seconds.forEach(isRare);
      assert.ok(Math.abs(seconds[0] - 480 - 45 * random) <= 2, `${seconds}, at ${random}`);
      ada.chat.close();
    }
  });

  it("two minutes after a message, and rarely again", async () => {
    await joinQuietRoom();
    await time.pass(3 * MINUTE);
    server.say("general", "Hi");
    isSoon(await untilPing());
    isRare(await untilPing());
  });

  it("two minutes after a message of one's own, also if its broadcast is lost", async () => {
    const { record } = await joinQuietRoom();
    await time.pass(3 * MINUTE);
    server.isShed = () => true;
    await Promise.all([record.room.send("Hi"), time.pass(SECOND)]);
    isSoon(await untilPing());
  });

  it("again two minutes after an answer that told something new", async () => {
    const { record } = await joinQuietRoom();
    server.store("general", "not broadcast");
    isRare(await untilPing());
    await time.pass(5 * SECOND);
    assert.deepEqual(record.texts, ["not broadcast"]);
    isSoon(5 + await untilPing());
    isRare(await untilPing());
  });

  it("again two minutes after an answer that a newer message has overtaken", async () => {
    const { record } = await joinQuietRoom();
    server.delayOut = ({ heads }) => (heads ? 500 : 1);
    isRare(await untilPing());
    server.say("general", "Hi");
    await time.pass(SECOND);
    assert.deepEqual(record.texts, ["Hi"]);
    isSoon(1 + await untilPing());
  });

  it("two minutes after somebody has come, if the list is shown", async () => {
    server.sendsPresence = true;
    const { record } = await joinQuietRoom();
    await Promise.all([record.room.presence(), time.pass(SECOND)]);
    isSoon(await untilPing());
    const eve = new Client(server, { client: "eve", heartbeat: 60 * MINUTE });
    await time.pass(3 * MINUTE);
    await eve.join("general");
    isSoon(await untilPing());
    assert.deepEqual(server.requests("ping").at(-1).counts, ["general"]);
    isRare(await untilPing());
  });

  it("at the rare time if somebody has come and nobody wants to know", async () => {
    server.sendsPresence = true;
    await joinQuietRoom();
    const eve = new Client(server, { client: "eve", heartbeat: 60 * MINUTE });
    await time.pass(3 * MINUTE);
    await eve.join("general");
    isRare(3 * 60 + await untilPing());
  });

  it("at once after the device has slept", async () => {
    const { record } = await joinQuietRoom();
    server.store("general", "not broadcast");
    time.setForward(20 * MINUTE); // Timers and `elapsed` stood still.
    assert.ok(await untilPing() <= 120);
    await time.pass(2 * SECOND);
    assert.deepEqual(record.texts, ["not broadcast"]);
  });

  it("as often as the option says, busy or quiet", async () => {
    await joinQuietRoom({ heartbeat: 5 * MINUTE });
    for (const seconds of [await untilPing(), await untilPing()]) {
      assert.ok(seconds >= 299 && seconds <= 301, `${seconds} seconds`);
    }
  });
});

describe("a ping", () => {
  it("is for all rooms after a long silence", async () => {
    const ada = client();
    await Promise.all([ada.join("general"), ada.join("random")]);
    await time.pass(11 * MINUTE);
    assert.deepEqual(server.requests("ping").map(({ rooms }) => rooms), Array(2).fill(["general", "random"]));
  });

  it("is for the silent rooms only, and for the quiet ones more rarely", async () => {
    const ada = client();
    await Promise.all([ada.join("general"), ada.join("random")]);
    for (let minute = 0; minute < 11; minute++) {
      server.say("general", "Hi");
      await time.pass(MINUTE);
    }
    assert.deepEqual(server.requests("ping").map(({ rooms }) => rooms), Array(2).fill(["random"]));
  });

  it("of a busy room asks for a quiet one, too", async () => {
    const { ada } = await joinQuietRoom();
    await ada.join("random");
    isSoon(await untilPing());
    assert.deepEqual(server.requests("ping").at(-1).rooms, ["general", "random"]);
  });

  it("is not sent while all rooms are active", async () => {
    const ada = client();
    await ada.join("general");
    for (let minute = 0; minute < 10; minute++) {
      server.say("general", "Hi");
      await time.pass(MINUTE);
    }
    assert.equal(pings(), 0);
  });

  it("finds that the server has lost the membership", async () => {
    const ada = client();
    const record = await ada.join("general");
    server.socket.rooms.clear();
    server.say("general", "not broadcast");
    await time.pass(155 * SECOND);
    assert.deepEqual(record.texts, ["not broadcast"]);
    assert.deepEqual([...server.socket.rooms], ["general"]);
    assert.equal(server.sockets.length, 1);
  });

  it("keeps a connection that is in no room", async () => {
    const ada = client();
    const { room } = await ada.join("general");
    room.leave();
    await time.pass(9 * MINUTE);
    assert.deepEqual(server.requests("ping").map(({ rooms }) => rooms), [undefined]);
  });
});

it("a dead line in a quiet room is replaced at the next ping, and what came meanwhile is shown", async () => {
  const { ada, record } = await joinQuietRoom();
  const [socket] = server.sockets;
  socket.isFrozen = true;
  server.say("general", "Hi");
  await time.pass(9 * MINUTE);
  assert.deepEqual([record.texts, server.sockets.length, ada.states.at(-1)], [["Hi"], 2, "open"]);
});
