import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { history, join, ping, send } from "../../roomcast/protocol/frames.js";
import { Link, LinkLost, PATIENCE } from "../../roomcast/transport/socket.js";
import { ScriptedServer } from "../support/server.js";
import { FakeTime } from "../support/time.js";

let time, server, told;

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  told = [];
});

const note = (what) => () => void told.push(what);
const owner = {
  opened: note("opened"),
  heard: ({ type }) => void told.push(`heard ${type}`),
  sensible: () => {},
  lost: note("lost"),
};

async function opened() {
  const link = new Link("wss://chat.test/prod?room=general", ["roomcast.v1"], owner, {
    WebSocket: server.WebSocket,
    clock: time,
    random: () => 0.5,
  });
  await time.pass(10);
  return link;
}

describe("a link", () => {
  it("matches answers with what was asked, in whatever order they come", async () => {
    const link = await opened();
    server.store("general", "Hi");
    let way = 40;
    server.wayOut = () => (way -= 10);
    const asked = [link.ask(join("general")), link.ask(ping(["general"])), link.ask(history("general", { after: 0 }))];
    await time.pass(100);
    const [joined, seqs, page] = await Promise.all(asked);
    assert.deepEqual([joined.seq, seqs.get("general"), page.messages[0].message], [1, 1, "Hi"]);
  });

  it("hands on what is no answer", async () => {
    await opened();
    server.say("general", "Hi");
    server.socket.tell({ type: "disconnect", code: "banned", reconnect: false });
    await time.pass(10);
    assert.deepEqual(told, ["opened", "heard messages", "heard disconnect"]);
  });

  it("closes when it is not opened, or not answered, in time", async () => {
    server.handshake = () => "hang";
    await opened();
    await time.pass(PATIENCE);
    assert.deepEqual(told, ["lost"]);
    server.handshake = () => "open";
    const link = await opened();
    server.isLost = () => true;
    const asked = assert.rejects(link.ask(ping([])), LinkLost);
    await time.pass(PATIENCE);
    await asked;
    assert.deepEqual(told, ["lost", "opened", "lost"]);
  });

  it("takes a malformed answer for none", async () => {
    const link = await opened();
    server.isLost = (way) => way === "out";
    const request = send("general", { id: "ref-1", message: "Hi" });
    const asked = link.ask(request);
    server.isLost = () => false;
    server.socket.tell({ type: "reply", ref: "ref-1", status: "ok", seq: "one", id: "ref-1", at: "" });
    server.socket.tell({ type: "reply", ref: "ref-1", status: "ok", seq: 7, id: "ref-1", at: "now" });
    await time.pass(10);
    assert.deepEqual(await asked, { seq: 7, id: "ref-1", at: "now" });
  });

  it("does not await any more what was dropped", async () => {
    const link = await opened();
    server.isLost = (way) => way === "out";
    const dropping = new AbortController();
    const asked = assert.rejects(link.ask(ping([]), dropping.signal), { name: "AbortError" });
    dropping.abort();
    await asked;
    await time.pass(2 * PATIENCE);
    assert.equal(link.isOpen, true);
  });

  it("asks again all that may have failed, with growing pauses, and not for ever the same", async () => {
    const link = await opened();
    server.dies = () => true;
    const asked = link.ask(ping([]));
    await time.pass(4000); // 0.25, 0.5, 1 and 2 seconds
    assert.deepEqual([server.askedFor("ping").length, new Set(server.asked.map(({ ref }) => ref)).size], [5, 1]);
    await time.pass(2 * PATIENCE);
    assert.equal(link.isOpen, true); // It is answered, after all.
    server.dies = () => false;
    await time.pass(30_000);
    await asked;
    await time.pass(10 * PATIENCE);
    assert.equal(link.isOpen, true);
  });

  it("retires when all is answered", async () => {
    const link = await opened();
    server.wayOut = () => 100;
    const asked = link.ask(ping([]));
    link.retire();
    await time.pass(50);
    assert.equal(link.isOpen, true);
    await time.pass(60);
    await asked;
    assert.equal(link.isOpen, false);
  });

  it("retires when it has waited for long enough", async () => {
    const link = await opened();
    server.wayOut = () => 7000;
    const asked = assert.rejects(link.ask(ping([])), LinkLost);
    link.retire(5000);
    await time.pass(4900);
    assert.equal(link.isOpen, true);
    await time.pass(200);
    await asked;
    assert.equal(link.isOpen, false);
  });

  it("refuses to be asked once it is closed, leaves no timer behind, and tells of its end once", async () => {
    const link = await opened();
    link.close();
    link.close();
    await assert.rejects(link.ask(ping([])), LinkLost);
    await time.pass(1);
    assert.deepEqual([told, time.waiting], [["opened", "lost"], 0]);
  });
});
