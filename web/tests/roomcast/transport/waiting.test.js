import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { systemClock, TimedOut, within } from "../../../roomcast/transport/clock.js";
import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeTime } from "../../support/time.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

let time, server;
const client = (options) => new Client(server, options);
const never = () => new Promise(() => {});

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
});

/** Lose the replies to these actions, as often as `times` says. */
function loseReplies(action, times = Infinity) {
  const refs = new Set();
  server.isLost = (way, frame) => {
    if (way === "in" && frame.action === action && times-- > 0) refs.add(frame.ref);
    return way === "out" && refs.delete(frame.ref);
  };
}

describe("a token function that does not answer", () => {
  it("is asked again after ten seconds and a pause", async () => {
    let calls = 0;
    const ada = client({ token: () => (++calls === 1 ? never() : "t") });
    const record = await ada.join("general", { wait: 11 * SECOND });
    assert.deepEqual([record.room.state, calls, ada.states], ["joined", 2, ["connecting", "reconnecting", "open"]]);
  });

  it("leaves the chat unreachable if it never answers, and the attempts go on", async () => {
    let calls = 0;
    const { chat } = client({ token: () => (calls++, never()) });
    const failed = assert.rejects(chat.join("general"), { code: "closed" });
    await time.pass(10 * MINUTE);
    assert.ok(chat.state === "unreachable" && calls > 10 && calls < 30, `${calls} calls`);
    chat.close();
    await failed;
    await time.pass(10 * SECOND);
    assert.equal(time.waiting, 0);
  });

  it("does not stop the hand-over to the next socket", async () => {
    const answers = [() => "t", never, () => "t"];
    const ada = client({ lifetime: MINUTE, token: () => (answers.shift() ?? never)() });
    const record = await ada.join("general");
    await time.pass(MINUTE + 15 * SECOND);
    server.say("general", "on the second");
    await time.pass(SECOND);
    assert.deepEqual([server.sockets.length, server.open.length, record.texts], [2, 1, ["on the second"]]);
    ada.chat.close();
  });

  it("is not used when it answers too late", async () => {
    const answers = [async () => (await time.later(12 * SECOND), "late"), () => "second"];
    await client({ token: () => (answers.shift() ?? never)() }).join("general", { wait: 30 * SECOND });
    assert.deepEqual(server.sockets.map(({ protocols }) => protocols[1]), ["token.second"]);
  });
});

describe("a reply that never comes", () => {
  for (const action of ["join", "history", "send", "leave", "ping", "presence"]) {
    it(`to ${action} is waited for ten seconds, and then the room goes on over another socket`, async () => {
      loseReplies(action, 1);
      server.store("general", "earlier");
      const ada = client({ heartbeat: 5 * SECOND });
      ada.chat.join("general");
      const [room] = ada.chat.joined;
      await time.pass(100);
      if (action === "leave") room.leave();
      const [joining, sent] = [ada.join("general", { wait: 20 * SECOND }), room.send("one").catch(() => {})];
      const record = await joining;
      const known = record.room.presence();
      await time.pass(20 * SECOND);
      await Promise.all([known, sent]);
      server.say("general", "later");
      await time.pass(SECOND);
      assert.deepEqual([record.room.state, record.texts.at(-1)], ["joined", "later"]);
      ada.chat.close();
    });
  }
});

describe("a request whose reply never comes", () => {
  const requests = {
    edit: ({ room }) => room.edit(1, "two"),
    delete: ({ room }) => room.delete(1),
    react: ({ room }) => room.react(1, "👍"),
    reactions: ({ room }) => room.reactions(1).next(),
    subscribe: ({ room }) => room.subscribe(),
    unsubscribe: async ({ room }) => (await room.subscribe(), room.unsubscribe()),
    read: async ({ room }) => (await room.subscribe(), room.read(2)),
    rooms: ({ chat }) => new Promise((resolve) => chat.rooms().addEventListener("changed", resolve)),
    ban: ({ room }) => room.ban("eve", 60),
    mute: ({ room }) => room.mute("eve", 60),
    slow_mode: ({ room }) => room.setSlowMode(5),
    lock: ({ room }) => room.lock(),
  };

  for (const [action, ask] of Object.entries(requests)) {
    it(`is asked again over another socket after ten seconds: ${action}`, async () => {
      server.handshake = (socket) => ((socket.isModerator = true), "open");
      const { chat } = client({ client: "ada" });
      const joining = chat.join("general");
      await time.pass(SECOND);
      const room = await joining;
      await Promise.all([room.send("one"), time.pass(SECOND)]);
      server.say("general", "of another");
      loseReplies(action, 1);
      let isDone = false;
      Promise.resolve(ask({ chat, room })).then(() => (isDone = true));
      await time.pass(9 * SECOND);
      assert.deepEqual([isDone, server.sockets.length, server.requests(action).length], [false, 1, 1]);
      await time.pass(10 * SECOND);
      assert.deepEqual([isDone, server.open.length, server.requests(action).length], [true, 1, 2]);
      chat.close();
    });
  }

  it("is not sent again if the next key press says the same: typing", async () => {
    loseReplies("typing", 1);
    const { room } = await client().join("general");
    room.typing();
    await time.pass(20 * SECOND);
    assert.deepEqual([room.state, server.sockets.length, server.requests("typing").length], ["joined", 2, 1]);
  });

  it("is not waited for if it says only that this client lives: alive", async () => {
    loseReplies("alive");
    const { room } = await client().join("general");
    server.socket.push({ type: "check" });
    await time.pass(20 * SECOND);
    assert.deepEqual([room.state, server.sockets.length, server.requests("alive").length], ["joined", 1, 1]);
  });
});

describe("a pause that the server asks for", () => {
  it("keeps a room from being joined for a minute at most", async () => {
    server.error = ({ action }) => action === "join" && { code: "rate_limited", retry_after: 30 * 24 * 3600 };
    const joining = client().startJoin("general");
    await time.pass(SECOND);
    server.error = () => null;
    await time.pass(MINUTE + 10 * SECOND);
    assert.equal((await joining).room.state, "joined");
  });

  it("keeps a message from being sent for an hour at most", async () => {
    const { room } = await client().join("general");
    server.error = ({ action }) => action === "send" && { code: "rate_limited", retry_after: 30 * 24 * 3600 };
    const sent = room.send("one");
    await time.pass(SECOND);
    server.error = () => null;
    await time.pass(HOUR + 10 * SECOND);
    assert.equal((await sent).seq, 1);
  });
});

it("a room that cannot move to the next socket does not keep the older one open", async () => {
  const ada = client({ name: "Ada" });
  const records = [await ada.join("general"), await ada.join("random")];
  server.error = ({ action, room }) => action === "join" && room === "random" && { code: "internal" };
  ada.chat.rename("Augusta");
  await time.pass(MINUTE + 10 * SECOND);
  assert.deepEqual(server.open.map(({ name }) => name), ["Augusta"]);
  server.error = () => null;
  await time.pass(10 * SECOND);
  assert.deepEqual(records.map(({ room }) => room.state), ["joined", "joined"]);
});

describe("a wait with a bound", () => {
  it("ends with the promise, or at its bound, and leaves no timer behind", async () => {
    assert.equal(await within(SECOND, Promise.resolve(1), time), 1);
    await assert.rejects(within(SECOND, Promise.reject(new RangeError()), time), RangeError);
    const late = assert.rejects(within(SECOND, never(), time), TimedOut);
    await time.pass(SECOND);
    await late;
    assert.equal(time.waiting, 0);
  });

  it("is not over at once if it is longer than a timer can be", async () => {
    let isOver = false;
    const timers = [Infinity, 2 ** 31].map((delay) => systemClock.setTimeout(() => (isOver = true), delay));
    await new Promise((resolve) => setTimeout(resolve, 5));
    timers.forEach(systemClock.clearTimeout);
    assert.equal(isOver, false);
  });
});
