import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";

import { Roomcast } from "../../roomcast.js";
import { Person } from "../support/client-fixture.js";
import { ScriptedServer } from "../support/server.js";
import { FakeTime } from "../support/time.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

let time, server, random;
const person = (options) => new Person(server, { random: () => random, ...options });
const roomsOf = (socket) => socket.url.searchParams.getAll("room");

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  random = 0.5;
});

describe("connecting", () => {
  it("waits for the first join, then says who is there", async () => {
    const ada = person({ name: "Ada L", client: "c1" });
    assert.deepEqual([ada.chat.state, server.sockets.length], ["idle", 0]);
    await ada.join("general");
    assert.equal(server.socket.url.href, "wss://chat.test/prod?name=Ada+L&client=c1&room=");
    assert.deepEqual(server.socket.protocols, ["roomcast.v1"]);
    assert.deepEqual(ada.states, ["connecting", "open"]);
  });

  it("uses one socket for all rooms", async () => {
    const ada = person();
    await Promise.all([ada.join("general"), ada.join("random"), ada.join("news")]);
    assert.equal(server.sockets.length, 1);
    assert.deepEqual([...server.socket.rooms], ["general", "random", "news"]);
  });

  it("keeps the address's own query, speaks ws for http, and drops the fragment", async () => {
    const { WebSocket } = server;
    const chat = new Roomcast("https://chat.test/prod?key=7#top", { client: "c", WebSocket, clock: time });
    chat.join("general");
    await time.pass(10);
    assert.equal(server.socket.url.href, "wss://chat.test/prod?key=7&client=c&room=");
    chat.close();
  });

  it("needs an address, and a WebSocket", () => {
    assert.throws(() => new Roomcast("no address", { WebSocket: server.WebSocket }), TypeError);
    assert.throws(() => new Roomcast("wss://chat.test", { WebSocket: null }), TypeError);
  });

  it("names the rooms it was in when it comes back, as many as an address holds", async () => {
    const ada = person();
    const names = Array.from({ length: 40 }, (_, index) => `${"r".repeat(97)}${index}`);
    await Promise.all(names.map((name) => ada.join(name)));
    server.socket.cut();
    await time.pass(SECOND);
    assert.ok(server.socket.url.href.length < 2000);
    assert.deepEqual(roomsOf(server.socket), names.slice(0, 18));
    assert.equal(server.socket.rooms.size, 40);
  });

  it("names no room after a handshake that was refused, for one of them may be the reason", async () => {
    const ada = person();
    await ada.join("general");
    server.handshake = ({ url }) => (url.searchParams.get("room") ? "refuse" : "open");
    server.socket.cut();
    await time.pass(2 * SECOND);
    assert.deepEqual(server.sockets.map(roomsOf), [[""], ["general"], [""]]);
    assert.equal(ada.chat.state, "open");
  });
});

describe("as whom one speaks", () => {
  it("is known when a room is joined, for the server says so", async () => {
    const ada = person({ name: "Ada", client: "c1" });
    const joining = ada.chat.join("general");
    const [room] = ada.chat.rooms;
    assert.deepEqual([room.me, room.user], [undefined, undefined]);
    await time.pass(50);
    await joining;
    assert.deepEqual([room.me, room.user], [{ user: "c1", name: "Ada" }, "c1"]);
  });

  it("may be unknown, of an older server", async () => {
    const { tell } = Object.getPrototypeOf(server.WebSocket.prototype);
    server.WebSocket.prototype.tell = function ({ user: _, name: __, ...frame }) {
      tell.call(this, frame);
    };
    const { room } = await person().join("general");
    assert.deepEqual([room.state, room.me], ["joined", undefined]);
  });
});

describe("another name", () => {
  const names = () => server.sockets.map(({ name }) => name);

  it("comes with another socket, and nothing is lost or told twice", async () => {
    const ada = person({ name: "Ada", client: "c1" });
    const visit = await ada.join("general");
    server.wayIn = ({ action }) => (action === "send" ? 200 : 1);
    visit.room.send("one");
    ada.chat.rename("Augusta");
    visit.room.send("two");
    server.say("general", "Hi Ada");
    await time.pass(SECOND);
    assert.deepEqual([names(), roomsOf(server.socket), server.open.length], [["Ada", "Augusta"], ["general"], 1]);
    assert.deepEqual(visit.texts.toSorted(), ["Hi Ada", "one", "two"]);
    assert.deepEqual([ada.states, visit.events.filter((event) => event.startsWith("join"))],
      [["connecting", "open"], ["joined"]]);
    assert.deepEqual(visit.room.me, { user: "c1", name: "Augusta" });
  });

  it("is the last one that was taken", async () => {
    const ada = person({ name: "Ada" });
    await ada.join("general");
    for (const name of ["A", "Au", "Augusta"]) ada.chat.rename(name);
    await time.pass(SECOND);
    assert.deepEqual(server.open.map(({ name }) => name), ["Augusta"]);
    ada.chat.rename("");
    await time.pass(SECOND);
    assert.equal(server.socket.url.searchParams.has("name"), false);
  });

  it("may be taken while the handshake is under way, and before there is any", async () => {
    const ada = person({ name: "Ada" });
    ada.chat.rename("Au");
    assert.equal(server.sockets.length, 0);
    const joining = ada.visit("general");
    await time.pass(1);
    ada.chat.rename("Augusta");
    await time.pass(50);
    await joining;
    assert.deepEqual([names(), server.open.length, ada.states], [["Au", "Augusta"], 1, ["connecting", "open"]]);
  });

  it("waits for the next connection while there is none", async () => {
    const ada = person({ name: "Ada" });
    await ada.join("general");
    server.socket.cut();
    ada.chat.rename("Augusta");
    assert.equal(server.sockets.length, 1);
    await time.pass(SECOND);
    assert.deepEqual(names(), ["Ada", "Augusta"]);
  });

  it("is tried for again where the server refuses it, while the old one serves", async () => {
    const ada = person({ name: "Ada" });
    const visit = await ada.join("general");
    server.handshake = () => "refuse";
    ada.chat.rename("Augusta");
    await time.pass(SECOND);
    server.say("general", "Hi");
    await time.pass(SECOND);
    assert.deepEqual(visit.texts, ["Hi"]);
    server.handshake = () => "open";
    await time.pass(MINUTE);
    assert.deepEqual(server.open.map(({ name }) => name), ["Augusta"]);
  });

  it("is of no use to a chat that is closed", async () => {
    const ada = person();
    await ada.join("general");
    ada.chat.close();
    ada.chat.rename("Augusta");
    await time.pass(MINUTE);
    assert.deepEqual([server.sockets.length, time.waiting], [1, 0]);
  });
});

describe("a connection that is lost", () => {
  it("is opened again after a random part of a pause that doubles up to a bound", async () => {
    const ada = person();
    await ada.join("general");
    random = 0.99;
    server.handshake = () => "refuse";
    const pauses = [];
    server.socket.cut();
    for (let tries = 0; tries < 2; tries++) {
      pauses.push(time.untilNext);
      await time.pass(time.untilNext + 2); // the way to the server and back
    }
    assert.deepEqual(pauses, [495, 990]);
    assert.deepEqual(ada.states, ["connecting", "open", "reconnecting"]);
  });

  it("is paused for ever longer while the server only accepts and closes", async () => {
    const ada = person();
    await ada.join("general");
    server.isLost = (way) => way === "in";
    for (let tries = 1; tries <= 7; tries++) {
      server.socket.cut();
      await time.pass(time.untilNext + 10);
    }
    server.socket.cut();
    assert.equal(time.untilNext, 30 * SECOND);
  });

  it("is paused for less again once the server has said something sensible", async () => {
    const ada = person();
    await ada.join("general");
    for (let tries = 1; tries <= 6; tries++) {
      server.socket.cut();
      assert.equal(time.untilNext, 250);
      await time.pass(SECOND);
    }
  });

  it("is noticed where an answer does not come for ten seconds", async () => {
    const ada = person();
    const { room } = await ada.join("general");
    server.socket.isFrozen = true;
    const sent = room.send("Hi");
    await time.pass(9.9 * SECOND);
    assert.equal(ada.chat.state, "open");
    await time.pass(SECOND);
    await sent;
    assert.equal(server.sockets.length, 2);
  });

  it("is noticed where nothing is said, by the heartbeat", async () => {
    const ada = person({ heartbeat: 30 * SECOND });
    await ada.join("general");
    server.socket.isFrozen = true;
    await time.pass(41 * SECOND);
    assert.deepEqual(ada.states.slice(-2), ["reconnecting", "open"]);
  });

  it("is noticed where the handshake hangs", async () => {
    const ada = person();
    server.handshake = () => "hang";
    ada.chat.join("general");
    await time.pass(9.9 * SECOND);
    server.handshake = () => "open";
    assert.deepEqual(ada.states, ["connecting"]);
    await time.pass(SECOND);
    assert.deepEqual(ada.states, ["connecting", "reconnecting", "open"]);
  });

  it("is given up where the server has lost sight of it", async () => {
    const ada = person();
    const { room } = await ada.join("general");
    server.socket.forget();
    const sent = room.send("Hi");
    await time.pass(SECOND);
    await sent;
    assert.deepEqual(ada.states, ["connecting", "open", "reconnecting", "open"]);
  });

  it("does not count as answered by a server that knows no connection", async () => {
    const ada = person();
    server.refusal = () => ({ code: "not_connected" });
    ada.chat.join("general");
    await time.pass(MINUTE);
    assert.ok(server.sockets.length < 12, `${server.sockets.length} sockets in a minute`);
  });
});

describe("a server that refuses, or cannot be reached", () => {
  it("is called unreachable after three handshakes, and tried ever more slowly from then on", async () => {
    server.handshake = () => "refuse";
    const ada = person();
    const joining = ada.chat.join("general");
    await time.pass(SECOND);
    assert.deepEqual([ada.states, server.sockets.length], [["connecting", "reconnecting", "unreachable"], 3]);
    await time.pass(31 * SECOND); // 1, 2, 4, 8 and 16 s, the middle of what the pauses can be
    assert.equal(server.sockets.length, 3 + 5);
    await time.pass(10 * MINUTE);
    assert.equal(server.sockets.length, 3 + 5 + 20); // 30 s apart
    server.handshake = () => "open";
    await time.pass(MINUTE);
    await joining;
    assert.equal(ada.chat.state, "open");
  });

  it("is brought a fresh token", async () => {
    const asked = [];
    const tokens = ["old", "old", "new"];
    server.handshake = ({ protocols }) => (protocols[1] === "token.new" ? "open" : "refuse");
    const ada = person({ token: ({ fresh }) => (asked.push(fresh), tokens[asked.length - 1]) });
    await ada.join("general", { wait: 2 * SECOND });
    assert.deepEqual(asked, [false, false, true]);
    assert.deepEqual(server.socket.protocols, ["roomcast.v1", "token.new"]);
  });

  it("takes a token that is a mere string, or comes later, or not", async () => {
    await person({ token: "t1" }).join("general");
    assert.deepEqual(server.socket.protocols, ["roomcast.v1", "token.t1"]);
    await person({ token: async () => "t2" }).join("general");
    assert.deepEqual(server.socket.protocols, ["roomcast.v1", "token.t2"]);
    await person({ token: () => undefined }).join("general");
    assert.deepEqual(server.socket.protocols, ["roomcast.v1"]);
  });

  it("is also one for which there is no token to be had", async () => {
    let logsIn = false;
    const token = async () => {
      if (!logsIn) throw new Error("not logged in");
      return "t";
    };
    const ada = person({ token });
    const joining = ada.chat.join("general");
    await time.pass(2 * SECOND);
    assert.deepEqual([ada.chat.state, server.sockets.length], ["unreachable", 0]);
    logsIn = true;
    await time.pass(MINUTE);
    await joining;
  });
});

describe("a room that one may not be in", () => {
  it("does not lock one out of the others", async () => {
    const ada = person();
    const visits = [await ada.join("general"), await ada.join("secret")];
    const isSecret = ({ room }) => room === "secret";
    server.handshake = ({ url }) => (url.searchParams.getAll("room").includes("secret") ? "refuse" : "open");
    server.refusal = (frame) => frame.action === "join" && isSecret(frame) && { code: "forbidden" };
    server.socket.cut();
    await time.pass(2 * SECOND);
    assert.deepEqual(visits.map(({ events }) => events.at(-1)), ["joined", "left: forbidden"]);
    server.socket.cut();
    await time.pass(2 * SECOND);
    assert.deepEqual([roomsOf(server.socket), ada.chat.state], [["general"], "open"]);
  });
});

describe("a token that ends", () => {
  const encoded = (claims) => Buffer.from(JSON.stringify(claims)).toString("base64url");
  const sub = "???~~~ ???~~~  ???~~~"; // what base64url writes otherwise than base64, wherever it begins
  const token = (claims) => `h.${encoded({ sub, ...claims })}.s`;
  const seconds = () => Math.floor(time.now() / SECOND);

  /** How long until the library moves to another socket, and whether it asks for a fresh token then. */
  async function moves(claims) {
    const asked = [];
    const ada = person({ token: ({ fresh }) => (asked.push(fresh), token(claims())) });
    await ada.join("general");
    const since = time.now();
    while (server.sockets.length < 2) await time.pass(SECOND);
    await time.pass(SECOND);
    assert.deepEqual([ada.states, server.open.length], [["connecting", "open"], 1]);
    return [Math.round((time.now() - since) / MINUTE), asked];
  }

  it("is replaced before it does, and nothing is interrupted", async () => {
    assert.match(token({}), /-.*_/);
    assert.deepEqual(await moves(() => ({ exp: seconds() + 600, iat: seconds() })), [8, [false, true]]);
  });

  it("is replaced in time though it is not new", async () => {
    assert.deepEqual(await moves(() => ({ exp: seconds() + 300, iat: seconds() - 300 })), [4, [false, true]]);
  });

  it("is replaced in time though the clock is wrong", async () => {
    for (const hours of [-1, 1]) {
      const issued = () => seconds() + hours * 3600;
      server = new ScriptedServer(time);
      assert.deepEqual(await moves(() => ({ exp: issued() + 600, iat: issued() })), [8, [false, true]]);
    }
  });

  it("is not replaced all the time though it ends at once", async () => {
    assert.deepEqual(await moves(() => ({ exp: seconds() + 1 })), [1, [false, true]]);
  });

  it("is not brought once more when it has ended while there was no connection", async () => {
    const asked = [];
    const ada = person({ token: ({ fresh }) => (asked.push(fresh), token({ exp: seconds() + 5 })) });
    await ada.join("general");
    server.handshake = () => "hang";
    server.socket.cut();
    await time.pass(12 * SECOND); // a handshake is given up after ten
    assert.deepEqual(asked, [false, false, true]);
  });

  it("does not matter where the socket ends before", async () => {
    const [minutes, asked] = await moves(() => ({ exp: seconds() + 24 * 3600 }));
    assert.deepEqual([minutes >= 104 && minutes <= 110, asked], [true, [false, false]]);
  });

  it("may be no token that one can read", async () => {
    for (const unreadable of ["opaque", "a.b.c", `a.${encoded(null)}.c`, `a.${encoded({ exp: "soon" })}.c`]) {
      const ada = person({ token: unreadable });
      await ada.join("general");
      assert.equal(server.socket.protocols[1], `token.${unreadable}`);
      await time.pass(60 * MINUTE);
      assert.deepEqual(ada.states, ["connecting", "open"]);
      ada.chat.close();
    }
  });
});

describe("a server that says bye", () => {
  it("is obeyed when it is for good", async () => {
    const ada = person();
    const visit = await ada.join("general");
    server.isLost = (way, { action }) => action === "send";
    const sent = assert.rejects(visit.room.send("Hi"), { code: "closed" });
    server.socket.tell({ type: "disconnect", code: "banned", reconnect: false });
    await time.pass(10 * MINUTE);
    await sent;
    assert.deepEqual(ada.states.slice(-1), ["closed: banned"]);
    assert.deepEqual(visit.events.slice(-2), ["failed: closed", "left: closed"]);
    assert.equal(server.sockets.length, 1);
    assert.equal(time.waiting, 0);
    await assert.rejects(ada.chat.join("general"), { code: "closed" });
  });

  it("is called again, with a fresh token where the last has expired", async () => {
    const asked = [];
    const ada = person({ token: ({ fresh }) => (asked.push(fresh), `t${asked.length}`) });
    await ada.join("general");
    server.socket.tell({ type: "disconnect", code: "token_expired", reconnect: true });
    await time.pass(SECOND);
    server.socket.tell({ type: "disconnect", code: "going_away", reconnect: true });
    await time.pass(SECOND);
    assert.deepEqual(asked, [false, true, false]);
    assert.equal(ada.chat.state, "open");
    assert.deepEqual(server.open.map(({ protocols }) => protocols[1]), ["token.t3"]);
  });
});

describe("the heartbeat", () => {
  it("asks for all rooms when nothing was heard for long", async () => {
    const ada = person();
    await Promise.all([ada.join("general"), ada.join("random")]);
    await time.pass(5 * MINUTE);
    assert.deepEqual(server.askedFor("ping").map(({ rooms }) => rooms), Array(2).fill(["general", "random"]));
  });

  it("asks for the quiet ones where others talk", async () => {
    const ada = person();
    await Promise.all([ada.join("general"), ada.join("random")]);
    for (let minute = 0; minute < 5; minute++) {
      server.say("general", "Hi");
      await time.pass(MINUTE);
    }
    assert.deepEqual(server.askedFor("ping").map(({ rooms }) => rooms), Array(2).fill(["random"]));
  });

  it("asks for nothing where all rooms talk", async () => {
    const ada = person();
    await ada.join("general");
    for (let minute = 0; minute < 10; minute++) {
      server.say("general", "Hi");
      await time.pass(MINUTE);
    }
    assert.equal(server.askedFor("ping").length, 0);
  });

  it("joins a room again that the server has lost", async () => {
    const ada = person();
    const visit = await ada.join("general");
    server.socket.rooms.clear();
    server.say("general", "nobody was told");
    await time.pass(125 * SECOND);
    assert.deepEqual(visit.texts, ["nobody was told"]);
    assert.deepEqual([...server.socket.rooms], ["general"]);
    assert.equal(server.sockets.length, 1);
  });

  it("keeps a connection that is in no room", async () => {
    const ada = person();
    const { room } = await ada.join("general");
    room.leave();
    await time.pass(3 * MINUTE);
    assert.deepEqual(server.askedFor("ping").map(({ rooms }) => rooms), [undefined]);
  });
});

describe("handing over", () => {
  const lifetime = 10 * MINUTE;

  it("opens the next socket and joins there before the old one closes", async () => {
    const ada = person({ lifetime });
    const visit = await ada.join("general");
    const [old] = server.sockets;
    server.wayOut = ({ seq }) => (seq === undefined ? 1 : 300); // the answer to the join takes its time
    await time.pass(lifetime);
    assert.deepEqual([server.open.length, server.askedFor("join").length], [2, 2]);
    server.say("general", "heard on both");
    await time.pass(SECOND);
    assert.notEqual(old.readyState, 1);
    server.say("general", "heard on the new one");
    await time.pass(SECOND);
    assert.deepEqual(visit.texts, ["heard on both", "heard on the new one"]);
    assert.deepEqual([ada.states, visit.events[0]], [["connecting", "open"], "joined"]);
  });

  it("lets the old socket's answers come", async () => {
    const ada = person({ lifetime });
    const { room } = await ada.join("general");
    await time.pass(lifetime - 100);
    server.wayIn = ({ action }) => (action === "history" ? 2 * SECOND : 1);
    const read = room.history({ before: 7 });
    await time.pass(1.9 * SECOND);
    assert.equal(server.open.length, 2);
    await time.pass(200);
    await read;
    assert.equal(server.askedFor("history").length, 1);
    assert.equal(server.open.length, 1);
  });

  it("sends again on the new socket what the old one does not answer within five seconds", async () => {
    const ada = person({ lifetime });
    const visit = await ada.join("general");
    await time.pass(lifetime - 100);
    server.isLost = (way, { action }) => action === "send";
    const sent = visit.room.send("Hi");
    await time.pass(SECOND);
    server.isLost = () => false;
    await time.pass(5 * SECOND);
    await sent;
    await time.pass(SECOND);
    assert.deepEqual(visit.texts, ["Hi"]);
    assert.equal(server.open.length, 1);
  });

  it("keeps the old socket while the next cannot open", async () => {
    const ada = person({ lifetime });
    const visit = await ada.join("general");
    server.handshake = () => "refuse";
    await time.pass(lifetime + 3 * MINUTE);
    server.say("general", "still here");
    await time.pass(10);
    assert.deepEqual([visit.texts, ada.states], [["still here"], ["connecting", "open"]]);
    server.handshake = () => "open";
    await time.pass(MINUTE);
    assert.deepEqual([server.open.length, server.socket.readyState], [1, 1]);
  });

  it("survives the old socket's end in the middle of it", async () => {
    const ada = person({ lifetime });
    const visit = await ada.join("general");
    const [old] = server.sockets;
    server.wayOut = ({ seq }) => (seq === undefined ? 1 : 300);
    await time.pass(lifetime + 50);
    old.cut();
    server.say("general", "Hi");
    await time.pass(SECOND);
    assert.deepEqual(visit.texts, ["Hi"]);
    assert.deepEqual(ada.states, ["connecting", "open"]);
  });

  it("survives the new socket's end in the middle of it", async () => {
    const ada = person({ lifetime });
    const visit = await ada.join("general");
    server.wayOut = ({ seq }) => (seq === undefined ? 1 : 300);
    await time.pass(lifetime + 50);
    server.socket.cut();
    server.say("general", "Hi");
    await time.pass(2 * SECOND);
    assert.deepEqual(visit.texts, ["Hi"]);
    assert.equal(server.open.length, 1);
  });

  it("does not move back when the old socket answers a join late", async () => {
    const ada = person({ lifetime });
    const visit = await ada.join("general");
    const [old] = server.sockets;
    const way = { history: 4 * SECOND, join: 2 * SECOND };
    await time.pass(lifetime - 100);
    server.wayIn = ({ action }) => (server.open.length === 1 && way[action]) || 1;
    const read = visit.room.history({ before: 7 }); // keeps the old socket open for longest
    old.rooms.clear();
    visit.room.send("Hi"); // has it join again
    await time.pass(3 * SECOND);
    server.say("general", "heard where?");
    old.rooms.clear();
    await time.pass(10 * SECOND);
    await read;
    assert.deepEqual(visit.events.filter((event) => event.startsWith("join")), ["joined", "joining", "joined"]);
    assert.equal(server.open.length, 1);
  });

  it("happens at a random time, shortly before two hours", async () => {
    for (random of [0, 0.99]) await person().join("general");
    await time.pass(104 * MINUTE);
    assert.equal(server.sockets.length, 2);
    await time.pass(1 * MINUTE);
    assert.equal(server.sockets.length, 3);
    await time.pass(5 * MINUTE);
    assert.equal(server.sockets.length, 4);
  });
});

describe("a browser that knows of its network", () => {
  const browser = new EventTarget();
  const tell = (type) => browser.dispatchEvent(new Event(type));
  const document = Object.assign(new EventTarget(), { hidden: false });

  beforeEach(() => {
    globalThis.addEventListener = browser.addEventListener.bind(browser);
    globalThis.document = document;
  });

  afterEach(() => {
    delete globalThis.addEventListener;
    delete globalThis.document;
  });

  it("is believed when it goes offline, and back at once", async () => {
    const ada = person();
    await ada.join("general");
    tell("offline");
    assert.deepEqual([ada.states.at(-1), server.open.length], ["offline", 0]);
    await time.pass(20 * SECOND);
    assert.equal(server.sockets.length, 1);
    tell("online");
    await time.pass(10);
    assert.deepEqual(ada.states, ["connecting", "open", "offline", "reconnecting", "open"]);
    ada.chat.close();
  });

  it("has the handshake given up that is under way", async () => {
    const ada = person();
    server.handshake = () => "hang";
    const joining = assert.rejects(ada.chat.join("general"), { code: "closed" });
    await time.pass(10);
    for (let times = 1; times <= 3; times++) {
      tell("offline");
      await time.pass(25 * SECOND);
      assert.deepEqual([ada.chat.state, server.sockets.length], ["offline", times]);
      tell("online");
      await time.pass(SECOND);
    }
    await time.pass(10 * SECOND);
    assert.equal(ada.chat.state, "reconnecting"); // not "unreachable": just one handshake has failed
    ada.chat.close();
    await joining;
  });

  it("is not believed for ever: it may be wrong", async () => {
    const ada = person();
    await ada.join("general");
    tell("offline");
    await time.pass(MINUTE);
    assert.deepEqual(ada.states.slice(-2), ["offline", "open"]);
    ada.chat.close();
  });

  it("does not wait out a pause when its page is looked at again", async () => {
    const ada = person();
    server.handshake = () => "refuse";
    ada.chat.join("general");
    await time.pass(10 * SECOND);
    const { length } = server.sockets;
    server.handshake = () => "open";
    document.hidden = true;
    document.dispatchEvent(new Event("visibilitychange"));
    await time.pass(10);
    assert.equal(server.sockets.length, length);
    document.hidden = false;
    document.dispatchEvent(new Event("visibilitychange"));
    await time.pass(10);
    assert.equal(ada.chat.state, "open");
    ada.chat.close();
  });

  it("has the connection tried when its page is shown again", async () => {
    const ada = person();
    const visit = await ada.join("general");
    server.store("general", "nobody was told");
    tell("pageshow");
    await time.pass(2 * SECOND);
    assert.deepEqual(visit.texts, ["nobody was told"]);
    ada.chat.close();
  });

  it("is not listened to any more once the chat is closed", async () => {
    const ada = person();
    await ada.join("general");
    ada.chat.close();
    tell("online");
    tell("offline");
    await time.pass(MINUTE);
    assert.deepEqual([ada.states.at(-1), server.sockets.length], ["closed: closed", 1]);
  });
});

it("closes for good, at any time", async () => {
  const ada = person({ token: async () => (await time.later(50), "t") });
  const joining = assert.rejects(ada.chat.join("general"), { code: "closed" });
  await time.pass(10); // the token is on its way
  ada.chat.close();
  await joining;
  await time.pass(MINUTE);
  assert.deepEqual([server.sockets.length, time.waiting], [0, 0]);
});
