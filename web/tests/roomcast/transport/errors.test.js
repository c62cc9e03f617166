import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeTime } from "../../support/time.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

let time, server, ada, errors;

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  open();
});

function open(options) {
  ada = new Client(server, options);
  errors = [];
  ada.chat.addEventListener("error", ({ detail: { action, room = "", code } }) => errors.push([action, room, code]));
}

/** Answer these actions with an error. */
const fail = (action, code) => (server.error = (frame) => frame.action === action && { code });

it("a heartbeat asks about more than 64 rooms in parts", async () => {
  open({ heartbeat: MINUTE });
  const names = Array.from({ length: 98 }, (_, index) => `room-${index}`);
  const joining = names.map((name) => ada.startJoin(name));
  await time.pass(10 * SECOND);
  const records = await Promise.all(joining);
  for (const name of names) server.store(name, "not broadcast");
  await time.pass(2 * MINUTE);
  assert.deepEqual(records.map(({ texts }) => texts.length), names.map(() => 1));
  assert.deepEqual([errors, server.sockets.length], [[], 1]);
  ada.chat.close();
});

describe("what the server does not do is reported:", () => {
  it("a ping", async () => {
    open({ heartbeat: MINUTE });
    await ada.join("general");
    fail("ping", "internal");
    await time.pass(MINUTE + SECOND);
    assert.deepEqual(errors, [["ping", "", "internal"]]);
    ada.chat.close();
  });

  it("a leave, after it was tried five times", async () => {
    const { room } = await ada.join("general");
    fail("leave", "internal");
    room.leave();
    await time.pass(MINUTE);
    assert.deepEqual([errors, server.requests("leave").length], [[["leave", "general", "internal"]], 5]);
  });

  it("the history that a room begins with", async () => {
    server.store("general", "Hi");
    fail("history", "forbidden");
    await ada.join("general");
    assert.deepEqual(errors, [["history", "general", "forbidden"]]);
  });

  it("a page for a gap", async () => {
    const record = await ada.join("general");
    server.store("general", "missed");
    fail("history", "forbidden");
    server.say("general", "heard");
    await time.pass(2 * SECOND);
    assert.deepEqual([errors, record.texts], [[["history", "general", "forbidden"]], []]);
    ada.chat.close();
  });

  it("the list of members, if no promise tells", async () => {
    const { room } = await ada.join("general");
    fail("presence", "forbidden");
    room.addEventListener("presence", () => {});
    await time.pass(SECOND);
    assert.deepEqual(errors, [["presence", "general", "forbidden"]]);
    await Promise.all([assert.rejects(room.presence(), { code: "forbidden" }), time.pass(SECOND)]);
    assert.equal(errors.length, 1);
  });

  it("typing, unless it is only too soon", async () => {
    const { room } = await ada.join("general");
    for (const code of ["rate_limited", "forbidden"]) {
      fail("typing", code);
      room.typing();
      await time.pass(5 * SECOND);
    }
    assert.deepEqual(errors, [["typing", "general", "forbidden"]]);
  });

  it("a request, the server cannot say which", async () => {
    await ada.join("general");
    server.socket.push({ type: "reply", ref: null, status: "error", code: "invalid_frame", detail: "" });
    await time.pass(SECOND);
    assert.deepEqual(errors, [["", "", "invalid_frame"]]);
  });

  it("a token that does not come, or cannot be sent", async () => {
    const failures = [() => Promise.reject(new Error("no session")), () => new Promise(() => {}), () => "t"];
    open({ token: () => failures.shift()() });
    await ada.join("general", { wait: MINUTE });
    assert.deepEqual([errors, ada.chat.state], [[["token", "", "token_failed"], ["token", "", "token_failed"]], "open"]);
  });
});

it("a leave that fails for a moment is sent again, and a join waits for it", async () => {
  const { room } = await ada.join("general");
  fail("leave", "rate_limited");
  room.leave();
  const joining = ada.startJoin("general");
  await time.pass(100);
  server.error = () => null;
  await time.pass(SECOND);
  assert.deepEqual([(await joining).room.state, errors], ["joined", []]);
  assert.deepEqual(server.received.map(({ action }) => action), ["join", "leave", "leave", "join"]);
});

it("typing in a room that the server has taken this connection out of joins it again", async () => {
  const { room } = await ada.join("general");
  server.socket.rooms.clear();
  room.typing();
  await time.pass(SECOND);
  assert.deepEqual([room.state, [...server.socket.rooms], errors], ["joined", ["general"], []]);
});
