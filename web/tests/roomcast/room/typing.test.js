import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeTime } from "../../support/time.js";

const SECOND = 1_000;

let time, server, ada, bob, typing;
const sent = () => server.requests("typing").length;

beforeEach(async () => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  ada = await new Client(server, { client: "a", name: "Ada" }).join("general");
  bob = await new Client(server, { client: "b", name: "Bob" }).join("general");
  typing = [];
  ada.room.addEventListener("typing", ({ detail }) => typing.push(detail.map(({ name }) => name).join(" and ")));
});

describe("who is typing", () => {
  it("is sent to the others, and ends after five seconds by itself", async () => {
    bob.room.typing();
    await time.pass(4.9 * SECOND);
    assert.deepEqual(typing, ["Bob"]);
    await time.pass(SECOND);
    assert.deepEqual(typing, ["Bob", ""]);
  });

  it("goes on while typing frames come", async () => {
    for (let second = 0; second < 12; second++) {
      bob.room.typing();
      await time.pass(SECOND);
    }
    assert.deepEqual(typing, ["Bob"]);
  });

  it("ends with the message", async () => {
    bob.room.typing();
    await time.pass(SECOND);
    bob.room.send("Hi");
    await time.pass(SECOND);
    assert.deepEqual([typing, ada.texts], [["Bob", ""], ["Hi"]]);
  });

  it("may be several, in the order in which they began", async () => {
    const eve = await new Client(server, { client: "e", name: "Eve" }).join("general");
    bob.room.typing();
    await time.pass(2 * SECOND);
    eve.room.typing();
    await time.pass(2 * SECOND);
    bob.room.typing();
    await time.pass(10 * SECOND);
    assert.deepEqual(typing, ["Bob", "Bob and Eve", "Bob", ""]);
  });

  it("is dropped when the room is left", async () => {
    bob.room.typing();
    await time.pass(10);
    ada.room.leave();
    await time.pass(10 * SECOND);
    assert.deepEqual(typing, ["Bob"]);
  });
});

describe("a typing frame", () => {
  it("is sent once in three seconds, however often typing() is called", async () => {
    for (let tenth = 0; tenth < 65; tenth++) {
      bob.room.typing();
      await time.pass(SECOND / 10);
    }
    assert.equal(sent(), 3);
  });

  it("is never sent later: not while offline, and not after reconnecting", async () => {
    server.socket.cut();
    bob.room.typing();
    await time.pass(5 * SECOND);
    assert.equal(sent(), 0);
    bob.room.typing();
    await time.pass(10);
    assert.equal(sent(), 1);
  });

  it("may fail without any event", async () => {
    server.error = ({ action }) => action === "typing" && { code: "rate_limited", retry_after: 1 };
    bob.room.typing();
    await time.pass(10 * SECOND);
    assert.deepEqual([sent(), bob.room.state, bob.events], [1, "joined", ["joined"]]);
  });

  it("is not sent in a room above the presence limit", async () => {
    server.presence.limit = 1;
    bob.room.presence();
    await time.pass(10);
    bob.room.typing();
    await time.pass(10);
    assert.equal(sent(), 0);
  });

  it("is sent after the clock was set back", async () => {
    bob.room.typing();
    time.setForward(-3600 * SECOND);
    await time.pass(3 * SECOND);
    bob.room.typing();
    await time.pass(10);
    assert.equal(sent(), 2);
  });
});
