import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Roomcast } from "../../../roomcast.js";
import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeTime } from "../../support/time.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

let time, server, random;
const client = (options) => new Client(server, { random: () => random, ...options });
const roomsOf = (socket) => socket.url.searchParams.getAll("room");

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  random = 0.5;
});

describe("connecting", () => {
  it("connects at the first join, with the user's name and id", async () => {
    const ada = client({ name: "Ada L", client: "c1" });
    assert.deepEqual([ada.chat.state, server.sockets.length], ["idle", 0]);
    await ada.join("general");
    assert.equal(server.socket.url.href, "wss://chat.test/prod?name=Ada+L&client=c1&room=");
    assert.deepEqual(server.socket.protocols, ["roomcast.v1"]);
    assert.deepEqual(ada.states, ["connecting", "open"]);
  });

  it("uses one socket for all rooms", async () => {
    const ada = client();
    await Promise.all([ada.join("general"), ada.join("random"), ada.join("news")]);
    assert.equal(server.sockets.length, 1);
    assert.deepEqual([...server.socket.rooms], ["general", "random", "news"]);
  });

  it("keeps the query of the url, replaces http by ws, and drops the fragment", async () => {
    const { WebSocket } = server;
    const chat = new Roomcast("https://chat.test/prod?key=7#top", { client: "c", WebSocket, clock: time });
    chat.join("general");
    await time.pass(10);
    assert.equal(server.socket.url.href, "wss://chat.test/prod?key=7&client=c&room=");
    chat.close();
  });

  it("needs a valid url, and a WebSocket", () => {
    assert.throws(() => new Roomcast("no address", { WebSocket: server.WebSocket }), TypeError);
    assert.throws(() => new Roomcast("wss://chat.test", { WebSocket: null }), TypeError);
  });

  it("names its rooms in the address when it reconnects, as many as fit", async () => {
    const ada = client();
    const names = Array.from({ length: 40 }, (_, index) => `${"r".repeat(97)}${index}`);
    await Promise.all(names.map((name) => ada.join(name)));
    server.socket.cut();
    await time.pass(SECOND);
    assert.ok(server.socket.url.href.length < 2000);
    assert.deepEqual(roomsOf(server.socket), names.slice(0, 18));
    assert.equal(server.socket.rooms.size, 40);
  });

  it("names no room after a rejected handshake, because one of them may be the reason", async () => {
    const ada = client();
    await ada.join("general");
    server.handshake = ({ url }) => (url.searchParams.get("room") ? "reject" : "open");
    server.socket.cut();
    await time.pass(2 * SECOND);
    assert.deepEqual(server.sockets.map(roomsOf), [[""], ["general"], [""]]);
    assert.equal(ada.chat.state, "open");
  });
});

describe("room.me", () => {
  it("is known when the room is joined", async () => {
    const ada = client({ name: "Ada", client: "c1" });
    const joining = ada.chat.join("general");
    const [room] = ada.chat.joined;
    assert.deepEqual([room.me, room.user], [undefined, undefined]);
    await time.pass(50);
    await joining;
    assert.deepEqual([room.me, room.user], [{ user: "c1", name: "Ada" }, "c1"]);
  });

  it("is undefined if an older server does not send it", async () => {
    const { push } = Object.getPrototypeOf(server.WebSocket.prototype);
    server.WebSocket.prototype.push = function ({ user: _, name: __, ...frame }) {
      push.call(this, frame);
    };
    const { room } = await client().join("general");
    assert.deepEqual([room.state, room.me], ["joined", undefined]);
  });
});

describe("renaming", () => {
  const names = () => server.sockets.map(({ name }) => name);

  it("opens another socket, and no message is lost or shown twice", async () => {
    const ada = client({ name: "Ada", client: "c1" });
    const record = await ada.join("general");
    server.delayIn = ({ action }) => (action === "send" ? 200 : 1);
    record.room.send("one");
    ada.chat.rename("Augusta");
    record.room.send("two");
    server.say("general", "Hi Ada");
    await time.pass(SECOND);
    assert.deepEqual([names(), roomsOf(server.socket), server.open.length], [["Ada", "Augusta"], ["general"], 1]);
    assert.deepEqual(record.texts.toSorted(), ["Hi Ada", "one", "two"]);
    assert.deepEqual([ada.states, record.events.filter((event) => event.startsWith("join"))],
      [["connecting", "open"], ["joined"]]);
    assert.deepEqual(record.room.me, { user: "c1", name: "Augusta" });
  });

  it("gives the new name to each message that is written after it, in every room", async () => {
    const ada = client({ name: "Ada" });
    const records = [await ada.join("general"), await ada.join("random")];
    server.delayOut = ({ room }) => (room === "random" ? 2 * SECOND : 1); // This room moves late.
    ada.chat.rename("Augusta");
    for (const { room } of records) for (const text of ["one", "two"]) room.send(text);
    await time.pass(SECOND);
    assert.deepEqual(records.map(({ texts }) => texts), [["one", "two"], []]);
    await time.pass(10 * SECOND);
    const said = records.map(({ messages }) => messages.map(({ name, message }) => `${name}: ${message}`));
    assert.deepEqual(said, Array(2).fill(["Augusta: one", "Augusta: two"]));
    assert.equal(time.waiting, 2); // for the heartbeat and the hand-over: none for a message
  });

  it("holds messages back for ten seconds at most", async () => {
    const ada = client({ name: "Ada" });
    const record = await ada.join("general");
    server.handshake = () => "reject";
    ada.chat.rename("Augusta");
    await time.pass(SECOND);
    const sent = record.room.send("Hi");
    await time.pass(8 * SECOND);
    assert.deepEqual(record.texts, []);
    await time.pass(2 * SECOND);
    await sent;
    assert.deepEqual(record.messages.map(({ name }) => name), ["Ada"]);
    record.room.send("again"); // It does not wait once more.
    await time.pass(100);
    assert.deepEqual(record.texts, ["Hi", "again"]);
  });

  it("drops a message that is held back in a room that is left", async () => {
    const ada = client({ name: "Ada" });
    const { room } = await ada.join("general");
    server.handshake = () => "reject";
    ada.chat.rename("Augusta");
    const rejected = assert.rejects(room.send("Hi"), { code: "left" });
    await time.pass(SECOND);
    room.leave();
    await time.pass(20 * SECOND);
    await rejected;
    assert.equal(server.requests("send").length, 0);
  });

  it("uses the last of several names", async () => {
    const ada = client({ name: "Ada" });
    await ada.join("general");
    for (const name of ["A", "Au", "Augusta"]) ada.chat.rename(name);
    await time.pass(SECOND);
    assert.deepEqual(server.open.map(({ name }) => name), ["Augusta"]);
    ada.chat.rename("");
    await time.pass(SECOND);
    assert.equal(server.socket.url.searchParams.has("name"), false);
  });

  it("works during the handshake, and before the first one", async () => {
    const ada = client({ name: "Ada" });
    ada.chat.rename("Au");
    assert.equal(server.sockets.length, 0);
    const joining = ada.startJoin("general");
    await time.pass(1);
    ada.chat.rename("Augusta");
    await time.pass(50);
    await joining;
    assert.deepEqual([names(), server.open.length, ada.states], [["Au", "Augusta"], 1, ["connecting", "open"]]);
  });

  it("waits for the next connection while offline", async () => {
    const ada = client({ name: "Ada" });
    await ada.join("general");
    server.socket.cut();
    ada.chat.rename("Augusta");
    assert.equal(server.sockets.length, 1);
    await time.pass(SECOND);
    assert.deepEqual(names(), ["Ada", "Augusta"]);
  });

  it("retries while the server rejects it, and keeps the old socket meanwhile", async () => {
    const ada = client({ name: "Ada" });
    const record = await ada.join("general");
    server.handshake = () => "reject";
    ada.chat.rename("Augusta");
    await time.pass(SECOND);
    server.say("general", "Hi");
    await time.pass(SECOND);
    assert.deepEqual(record.texts, ["Hi"]);
    server.handshake = () => "open";
    await time.pass(MINUTE);
    assert.deepEqual(server.open.map(({ name }) => name), ["Augusta"]);
  });

  it("does nothing in a closed chat", async () => {
    const ada = client();
    await ada.join("general");
    ada.chat.close();
    ada.chat.rename("Augusta");
    await time.pass(MINUTE);
    assert.deepEqual([server.sockets.length, time.waiting], [1, 0]);
  });
});

describe("a room that the user may not join", () => {
  it("does not keep the user out of the others", async () => {
    const ada = client();
    const records = [await ada.join("general"), await ada.join("secret")];
    const isSecret = ({ room }) => room === "secret";
    server.handshake = ({ url }) => (url.searchParams.getAll("room").includes("secret") ? "reject" : "open");
    server.error = (frame) => frame.action === "join" && isSecret(frame) && { code: "forbidden" };
    server.socket.cut();
    await time.pass(2 * SECOND);
    assert.deepEqual(records.map(({ events }) => events.at(-1)), ["joined", "left: forbidden"]);
    server.socket.cut();
    await time.pass(2 * SECOND);
    assert.deepEqual([roomsOf(server.socket), ada.chat.state], [["general"], "open"]);
  });
});

it("closes for good, at any time", async () => {
  const ada = client({ token: async () => (await time.later(50), "t") });
  const joining = assert.rejects(ada.chat.join("general"), { code: "closed" });
  await time.pass(10); // the token function has not returned yet
  ada.chat.close();
  await joining;
  await time.pass(MINUTE);
  assert.deepEqual([server.sockets.length, time.waiting], [0, 0]);
});
