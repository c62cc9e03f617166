import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeTime } from "../../support/time.js";

const SECOND = 1_000;

let time, server, chat;

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  ({ chat } = new Client(server, { client: "ada", name: "Ada" }));
});

describe("the inbox", () => {
  it("is the room of this user, joined once", async () => {
    const inbox = chat.inbox;
    assert.equal(chat.inbox, inbox);
    await time.pass(SECOND);
    const room = await inbox;
    assert.equal(room.name, "@ada");
    const read = [];
    room.addEventListener("message", ({ detail: { message } }) => read.push(message));
    server.say("@ada", "Your order is on its way");
    await time.pass(SECOND);
    assert.deepEqual([read, chat.joined], [["Your order is on its way"], [room]]);
    assert.deepEqual(server.requests("join").map((frame) => frame.room), ["@ada"]);
  });

  it("is joined again after it was left", async () => {
    const first = chat.inbox;
    await time.pass(SECOND);
    (await first).leave();
    const second = chat.inbox;
    await time.pass(SECOND);
    assert.notEqual(await second, await first);
    assert.equal((await second).state, "joined");
  });

  it("that cannot be had fails, and may be asked for again", async () => {
    server.error = ({ action }) => action === "rooms" && { code: "unknown_action" };
    const failed = assert.rejects(chat.inbox, { code: "unknown_action" });
    await time.pass(SECOND);
    await failed;
    server.error = () => null;
    const inbox = chat.inbox;
    await time.pass(SECOND);
    assert.equal((await inbox).name, "@ada");
  });

  it("of a closed chat fails", async () => {
    chat.close();
    await assert.rejects(chat.inbox, { code: "closed" });
    assert.deepEqual(chat.rooms().list, []);
  });
});
