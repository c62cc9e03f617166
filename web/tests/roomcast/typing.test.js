import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Person } from "../support/client-fixture.js";
import { ScriptedServer } from "../support/server.js";
import { FakeTime } from "../support/time.js";

const SECOND = 1_000;

let time, server, ada, bob, writing;
const told = () => server.askedFor("typing").length;

beforeEach(async () => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  ada = await new Person(server, { client: "a", name: "Ada" }).join("general");
  bob = await new Person(server, { client: "b", name: "Bob" }).join("general");
  writing = [];
  ada.room.addEventListener("typing", ({ detail }) => writing.push(detail.map(({ name }) => name).join(" and ")));
});

describe("who is writing", () => {
  it("is told to the others, and ends after five seconds by itself", async () => {
    bob.room.typing();
    await time.pass(4.9 * SECOND);
    assert.deepEqual(writing, ["Bob"]);
    await time.pass(SECOND);
    assert.deepEqual(writing, ["Bob", ""]);
  });

  it("goes on for as long as it is told", async () => {
    for (let second = 0; second < 12; second++) {
      bob.room.typing();
      await time.pass(SECOND);
    }
    assert.deepEqual(writing, ["Bob"]);
  });

  it("ends with what is written", async () => {
    bob.room.typing();
    await time.pass(SECOND);
    bob.room.send("Hi");
    await time.pass(SECOND);
    assert.deepEqual([writing, ada.texts], [["Bob", ""], ["Hi"]]);
  });

  it("may be several, in the order in which they began", async () => {
    const eve = await new Person(server, { client: "e", name: "Eve" }).join("general");
    bob.room.typing();
    await time.pass(2 * SECOND);
    eve.room.typing();
    await time.pass(2 * SECOND);
    bob.room.typing();
    await time.pass(10 * SECOND);
    assert.deepEqual(writing, ["Bob", "Bob and Eve", "Bob", ""]);
  });

  it("is forgotten with the room", async () => {
    bob.room.typing();
    await time.pass(10);
    ada.room.leave();
    await time.pass(10 * SECOND);
    assert.deepEqual(writing, ["Bob"]);
  });
});

describe("that one is writing", () => {
  it("is told once in three seconds, however often one says so", async () => {
    for (let tenth = 0; tenth < 65; tenth++) {
      bob.room.typing();
      await time.pass(SECOND / 10);
    }
    assert.equal(told(), 3);
  });

  it("is never told later: not while offline, and not when one is back", async () => {
    server.socket.cut();
    bob.room.typing();
    await time.pass(5 * SECOND);
    assert.equal(told(), 0);
    bob.room.typing();
    await time.pass(10);
    assert.equal(told(), 1);
  });

  it("may be refused, and nobody is the wiser", async () => {
    server.refusal = ({ action }) => action === "typing" && { code: "rate_limited", retry_after: 1 };
    bob.room.typing();
    await time.pass(10 * SECOND);
    assert.deepEqual([told(), bob.room.state, bob.events], [1, "joined", ["joined"]]);
  });

  it("is nothing that a crowd is told", async () => {
    server.attendance.crowd = 1;
    bob.room.presence();
    await time.pass(10);
    bob.room.typing();
    await time.pass(10);
    assert.equal(told(), 0);
  });

  it("is told though the clock was set back", async () => {
    bob.room.typing();
    time.setBack(3600 * SECOND);
    bob.room.typing();
    await time.pass(10);
    assert.equal(told(), 2);
  });
});
