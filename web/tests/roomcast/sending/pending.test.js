import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakePage } from "../../support/page.js";
import { FakeTime } from "../../support/time.js";

const SECOND = 1_000;
const HOUR = 3600 * SECOND;

let time, server, page;
const client = (options) => new Client(server, { ...page, client: "ada", ...options });
const stored = () => server.log("general").messages.map(({ message }) => message);

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  page = new FakePage(server);
});

function reload() {
  page.close();
  page = new FakePage(server, page);
}

describe("messages that are not acknowledged yet", () => {
  /** Write messages in a page that then vanishes, as in a reload. */
  async function writeAndVanish(...texts) {
    const { room } = await client().join("general");
    server.isLost = (way, { action }) => action === "send";
    for (const [index, text] of texts.entries()) room.send(text, { ref: `ref-${index + 1}` });
    await time.pass(10);
    reload();
    server.isLost = () => false;
  }

  it("are there and sent after a page reload", async () => {
    await writeAndVanish("one", "two");
    server.delayOut = ({ type }) => (type === "reply" ? 50 : 1);
    const joining = client().chat.join("general");
    await time.pass(55);
    const room = await joining;
    assert.deepEqual(room.pending, [{ id: "ref-1", message: "one", tried: true }, { id: "ref-2", message: "two" }]);
    await time.pass(SECOND);
    assert.deepEqual([stored(), room.pending, page.storage.items.size], [["one", "two"], [], 0]);
  });

  it("dispatch their results to listeners that are added right after the join", async () => {
    await writeAndVanish("one");
    const record = await client().join("general");
    await time.pass(SECOND);
    assert.deepEqual(record.events, ["joined", "sent 1", "one"]);
  });

  it("return their promise to a caller that sends them again with their ref", async () => {
    await writeAndVanish("one");
    server.delayOut = ({ type }) => (type === "reply" ? 50 : 1);
    const joining = client().chat.join("general");
    await time.pass(55);
    const room = await joining;
    const sent = room.send("one", { ref: "ref-1" });
    await time.pass(SECOND);
    assert.deepEqual((await sent).id, "ref-1");
    assert.deepEqual(stored(), ["one"]);
  });

  it("are not sent twice when they had arrived", async () => {
    const { room } = await client().join("general");
    server.isLost = (way) => way === "out";
    room.send("one");
    await time.pass(10);
    server.isLost = () => false;
    reload();
    const record = await client().join("general");
    await time.pass(SECOND);
    assert.deepEqual([record.texts, record.room.pending], [["one"], []]);
  });

  it("fail once they are so old that the server might store them twice", async () => {
    await writeAndVanish("one");
    await time.pass(23 * HOUR);
    const record = await client().join("general");
    await time.pass(SECOND);
    assert.deepEqual(record.events, ["joined", "failed: expired"]);
    assert.deepEqual([stored(), page.storage.items.size], [[], 0]);
  });

  it("fail for their age in a page that stayed open, too", async () => {
    const { room } = await client().join("general");
    server.handshake = () => "reject";
    server.socket.cut();
    const rejected = assert.rejects(room.send("one"), { code: "expired" });
    await time.pass(24 * HOUR);
    server.handshake = () => "open";
    await time.pass(60 * SECOND);
    await rejected;
  });

  it("are stored per room, user and endpoint", async () => {
    await writeAndVanish("one");
    assert.deepEqual([...page.storage.items.keys()], ["roomcast.outbox wss://chat.test/prod client ada general"]);
    await client().join("random");
    assert.deepEqual(server.log("random").messages, []);
  });

  it("fail when the room is left", async () => {
    await writeAndVanish("one");
    server.isLost = (way, { action }) => action === "send";
    const record = await client().join("general");
    record.room.leave();
    await time.pass(SECOND);
    assert.deepEqual(record.events, ["joined", "failed: left", "left: left"]);
    assert.equal(page.storage.items.size, 0);
  });

  it("stay for a later page if the room cannot be joined", async () => {
    await writeAndVanish("one");
    server.error = ({ action }) => action === "join" && { code: "forbidden" };
    const { chat } = client();
    const rejected = assert.rejects(chat.join("general"), { code: "forbidden" });
    const [room] = chat.joined;
    await time.pass(100);
    await rejected;
    await assert.rejects(room.send("one", { ref: "ref-1" }), { code: "forbidden" });
    server.error = () => null;
    await client().join("general");
    await time.pass(SECOND);
    assert.deepEqual(stored(), ["one"]);
  });

  it("may be a hundred; the next fails", async () => {
    const { room } = await client().join("general");
    server.isLost = () => true;
    for (let number = 1; number <= 100; number++) room.send(`m${number}`);
    await assert.rejects(room.send("one too many"), { code: "queue_full" });
    assert.equal(room.pending.length, 100);
    server.isLost = () => false;
    await time.pass(30 * SECOND);
    assert.equal(stored().length, 100);
  });
});
