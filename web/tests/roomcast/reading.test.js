import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Person } from "../support/client-fixture.js";
import { ScriptedServer } from "../support/server.js";
import { FakeTime } from "../support/time.js";

const SECOND = 1_000;
const HOUR = 3600 * SECOND;

let time, server, ada;

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  ada = new Person(server);
});

const say = (count, first = 1) => {
  for (let number = first; number < first + count; number++) server.say("general", `m${number}`);
};
const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe("joining a room", () => {
  it("begins with the newest of its history", async () => {
    say(60);
    assert.deepEqual((await ada.join("general")).seqs, numbers(11, 60));
  });

  it("begins with as much as is asked for, in as many pages as it takes", async () => {
    say(450);
    const { seqs } = await ada.join("general", { history: 420 });
    assert.deepEqual(seqs, numbers(31, 450));
    assert.equal(server.askedFor("history").length, 3);
  });

  it("begins with nothing where nothing is asked for", async () => {
    say(3);
    const visit = await ada.join("general", { history: 0 });
    say(1, 4);
    await time.pass(SECOND);
    assert.deepEqual(visit.texts, ["m4"]);
    assert.equal(server.askedFor("history").length, 0);
  });

  it("works where nobody has spoken yet", async () => {
    const visit = await ada.join("general");
    say(1);
    await time.pass(SECOND);
    assert.deepEqual(visit.texts, ["m1"]);
  });

  it("tells everything to a listener that is added right after", async () => {
    say(2);
    server.wayOut = () => 0;
    const visit = ada.visit("general");
    await time.pass(0);
    say(1, 3); // comes along with the answer
    await time.pass(50);
    assert.deepEqual((await visit).events, ["joined", "m1", "m2", "m3"]);
  });

  it("tells in order what a listener causes while it is told what had happened before", async () => {
    const joining = ada.visit("general", { history: 0 });
    joining.then(({ room }) => room.addEventListener("message", () => room.leave(), { once: true }));
    while (server.askedFor("join").length === 0) await time.pass(1);
    say(2); // right behind the answer
    await time.pass(50);
    assert.deepEqual((await joining).events, ["joined", "m1", "m2", "left: left"]);
  });

  it("misses nothing that is said while the history is on its way", async () => {
    say(3);
    server.wayOut = ({ more }) => (more === undefined ? 1 : 500);
    const joining = ada.visit("general");
    await time.pass(100);
    say(2, 4);
    await time.pass(SECOND);
    assert.deepEqual((await joining).seqs, [1, 2, 3, 4, 5]);
  });

  it("gives the same room to everybody who asks, until it is left", async () => {
    const { room } = await ada.join("general");
    assert.equal(await ada.chat.join("general"), room);
    assert.deepEqual(ada.chat.rooms, [room]);
    const leaving = room.leave();
    assert.deepEqual(ada.chat.rooms, []);
    const again = ada.chat.join("general");
    await time.pass(50);
    await leaving;
    assert.notEqual(await again, room);
    assert.deepEqual(server.asked.map(({ action }) => action), ["join", "leave", "join"]);
  });

  it("rejects with the reason, and can be tried again", async () => {
    server.refusal = ({ action }) => action === "join" && { code: "forbidden" };
    const refused = assert.rejects(ada.chat.join("general"), { name: "RoomcastError", code: "forbidden", message: "no" });
    await time.pass(50);
    await refused;
    assert.deepEqual(ada.chat.rooms, []);
    server.refusal = () => null;
    await ada.join("general");
  });

  it("is tried again by itself when it is refused for a while", async () => {
    let times = 0;
    server.refusal = ({ action }) => action === "join" && times++ < 3 && { code: "rate_limited", retry_after: 2 };
    const joining = ada.chat.join("general");
    await time.pass(1900);
    assert.equal(times, 1);
    await time.pass(10 * SECOND);
    await joining;
  });

  it("shows messages though their history is refused", async () => {
    say(3);
    server.refusal = ({ action }) => action === "history" && { code: "forbidden" };
    const visit = await ada.join("general");
    say(1, 4);
    await time.pass(SECOND);
    assert.deepEqual(visit.texts, ["m4"]);
  });

  it("shows what was only just being written when it came", async () => {
    const seq = server.begin("general");
    const visit = await ada.join("general");
    server.fill("general", seq, "the first");
    server.broadcast("general", seq);
    await time.pass(SECOND);
    assert.deepEqual(visit.texts, ["the first"]);
  });

  it("does not wait long for a history that has expired, and tells of no gap", async () => {
    say(60);
    server.log("general").rows.clear();
    const visit = await ada.join("general");
    await time.pass(12 * SECOND);
    say(1, 61);
    await time.pass(2 * SECOND);
    assert.deepEqual(visit.events, ["joined", "m61"]);
  });

  it("asks ever less for such a history, until somebody speaks", async () => {
    say(60);
    server.log("general").rows.clear();
    const visit = await ada.join("general");
    await time.pass(HOUR);
    const { length } = server.askedFor("history");
    assert.ok(length < 70, `${length} requests in an hour`);
    while (server.askedFor("history").length === length) await time.pass(SECOND);
    say(1, 61);
    await time.pass(3 * SECOND);
    assert.deepEqual(visit.events, ["joined", "m61"]);
  });
});

describe("what a room begins with", () => {
  /** Joins, and has what is told in order: messages by their text, and where the news begins. */
  async function told(history) {
    const joining = ada.chat.join("general", { history });
    const heard = [];
    await time.pass(0);
    joining.then((room) => {
      room.addEventListener("message", ({ detail }) => heard.push(detail.message));
      room.addEventListener("ready", ({ detail: { more } }) => heard.push(more ? "ready, more before" : "ready"));
    });
    await time.pass(50);
    return heard;
  }

  it("ends where the news begins", async () => {
    say(3);
    const heard = await told(2);
    say(1, 4);
    await time.pass(SECOND);
    assert.deepEqual(heard, ["m2", "m3", "ready, more before", "m4"]);
  });

  it("may be all that there is", async () => {
    say(2);
    assert.deepEqual(await told(), ["m1", "m2", "ready"]);
  });

  it("may be nothing: nobody has spoken, nothing is asked for, it has expired, or it is refused", async () => {
    assert.deepEqual(await told(), ["ready"]);
    say(3);
    ada = new Person(server);
    assert.deepEqual(await told(0), ["ready, more before"]);
    ada = new Person(server);
    server.log("general").rows.clear();
    assert.deepEqual(await told(), ["ready"]);
    ada = new Person(server);
    server.refusal = ({ action }) => action === "history" && { code: "forbidden" };
    assert.deepEqual(await told(), ["ready"]);
  });

  it("is told once, and again where the room's log began anew", async () => {
    say(1);
    const heard = await told();
    server.socket.cut();
    await time.pass(SECOND);
    assert.deepEqual(heard, ["m1", "ready"]);
    server.restart();
    await time.pass(SECOND);
    assert.deepEqual(heard.slice(2), ["ready"]);
  });
});

describe("a hole", () => {
  it("is awaited for a second, for a broadcast may overtake another", async () => {
    const visit = await ada.join("general");
    const [first, second] = [server.store("general", "m1"), server.store("general", "m2")];
    server.broadcast("general", second);
    await time.pass(500);
    assert.deepEqual(visit.texts, []);
    server.broadcast("general", first);
    await time.pass(SECOND);
    assert.deepEqual(visit.texts, ["m1", "m2"]);
    assert.equal(server.askedFor("history").length, 0);
  });

  it("is then asked for", async () => {
    const visit = await ada.join("general");
    server.store("general", "m1");
    say(1, 2);
    await time.pass(2 * SECOND);
    assert.deepEqual(visit.texts, ["m1", "m2"]);
  });

  it("is asked for again, with growing pauses, while it may still be filled", async () => {
    const visit = await ada.join("general");
    const hole = server.begin("general");
    say(1, 2);
    await time.pass(20 * SECOND);
    assert.deepEqual(visit.texts, []);
    assert.equal(server.askedFor("history").length, 5); // after 1, 2, 4, 8 and 16 seconds
    server.fill("general", hole, "m1");
    await time.pass(8 * SECOND);
    assert.deepEqual(visit.texts, ["m1", "m2"]);
  });

  it("is passed over when it turns out to be void", async () => {
    const visit = await ada.join("general");
    server.fill("general", server.begin("general"), null);
    say(1, 2);
    await time.pass(2 * SECOND);
    assert.deepEqual(visit.events, ["joined", "m2"]);
  });

  it("is given up after a minute, and nothing else with it", async () => {
    const visit = await ada.join("general");
    server.begin("general");
    for (const text of ["m2", "m3"]) server.store("general", text);
    server.begin("general");
    say(1, 5);
    await time.pass(58 * SECOND);
    assert.deepEqual(visit.events, ["joined"]);
    await time.pass(15 * SECOND);
    assert.deepEqual(visit.events, ["joined", "gap 1 to 1", "m2", "m3", "gap 4 to 4", "m5"]);
  });

  it("is not given up while nothing waits behind it", async () => {
    const visit = await ada.join("general");
    const { seq } = { seq: server.begin("general") };
    for (const socket of server.open) socket.cut(); // the next join tells of the head
    await time.pass(10 * 60 * SECOND);
    server.fill("general", seq, "at last");
    await time.pass(2 * 60 * SECOND);
    assert.deepEqual(visit.texts, ["at last"]);
    assert.deepEqual(visit.gaps, []);
  });

  it("is given up at once when it is gone for good", async () => {
    say(2);
    const visit = await ada.join("general");
    server.handshake = () => "refuse";
    server.socket.cut();
    say(5, 3);
    await time.pass(2 * HOUR);
    for (const seq of [3, 4, 5]) server.log("general").rows.delete(seq);
    server.handshake = () => "open";
    await time.pass(60 * SECOND);
    assert.deepEqual(visit.gaps, [[3, 5]]);
    assert.deepEqual(visit.texts, ["m1", "m2", "m6", "m7"]);
  });

  it("that is older than a minute is asked for once more before it is given up", async () => {
    const visit = await ada.join("general");
    const hole = server.begin("general");
    say(1, 2);
    await time.pass(10);
    server.handshake = () => "refuse";
    server.socket.cut();
    await time.pass(10 * 60 * SECOND);
    server.fill("general", hole, "m1");
    server.handshake = () => "open";
    await time.pass(60 * SECOND);
    assert.deepEqual(visit.events.slice(-3), ["joined", "m1", "m2"]);
  });

  it("at the end of a quiet room is found by the heartbeat", async () => {
    const visit = await ada.join("general");
    server.store("general", "nobody was told");
    await time.pass(125 * SECOND);
    assert.deepEqual(visit.texts, ["nobody was told"]);
  });

  it("behind one's own message is found by its answer", async () => {
    const visit = await ada.join("general");
    server.store("general", "m1");
    server.isShed = () => true;
    visit.room.send("mine");
    await time.pass(2 * SECOND);
    assert.deepEqual(visit.texts, ["m1", "mine"]);
  });
});

describe("coming back", () => {
  it("brings what was said meanwhile, in as many pages as it takes", async () => {
    say(10);
    const visit = await ada.join("general");
    server.socket.cut();
    say(700, 11);
    await time.pass(SECOND);
    assert.deepEqual(visit.seqs, numbers(1, 710));
    assert.deepEqual(visit.gaps, []);
  });

  it("resumes behind what is complete, not behind the newest", async () => {
    const visit = await ada.join("general");
    server.store("general", "m1");
    say(1, 2);
    await time.pass(100);
    server.socket.cut();
    await time.pass(500);
    assert.equal(server.askedFor("join").at(-1).after, 0);
    assert.deepEqual(visit.texts, ["m1", "m2"]);
  });

  it("goes on with a history that was cut in the middle", async () => {
    say(300);
    server.wayOut = ({ more }) => (more === undefined ? 1 : 500);
    const joining = ada.visit("general", { history: 300 });
    await time.pass(700); // between the pages
    server.socket.cut();
    say(1, 301);
    await time.pass(5 * SECOND);
    assert.deepEqual((await joining).seqs, numbers(1, 301));
  });

  it("starts over where the room's log began anew", async () => {
    say(8);
    const visit = await ada.join("general");
    server.restart();
    say(2, 1);
    await time.pass(SECOND);
    assert.deepEqual(visit.events.slice(8), ["m8", "joining", "joined", "reset", "m1", "m2"]);
    say(1, 3);
    await time.pass(SECOND);
    assert.deepEqual(visit.texts.slice(8), ["m1", "m2", "m3"]);
  });

  it("knows a new log by its head, wherever it had come itself", async () => {
    say(2);
    const visit = await ada.join("general");
    server.begin("general"); // a hole
    say(5, 4);
    await time.pass(500);
    server.restart();
    say(4, 1);
    await time.pass(SECOND);
    assert.deepEqual(visit.events.slice(3), ["joining", "joined", "reset", "m1", "m2", "m3", "m4"]);
  });

  it("misses nothing of a new log that is said before the join is answered", async () => {
    say(8);
    const visit = await ada.join("general");
    server.restart();
    say(2, 1);
    server.wayOut = ({ type }) => (type === "reply" ? 50 : 1);
    while (server.askedFor("join").length < 2) await time.pass(1);
    say(1, 3); // overtakes the answer
    await time.pass(800);
    assert.deepEqual(visit.texts.slice(8), ["m1", "m2", "m3"]);
  });

  it("does not mix into a new log what it heard of the old one", async () => {
    say(8);
    const visit = await ada.join("general");
    server.socket.cut();
    server.wayIn = ({ action }) => (action === "join" ? 100 : 1);
    while (server.sockets.length < 2 || server.open.length < 1) await time.pass(1);
    server.say("general", "of the old log"); // before the join is answered
    await time.pass(10);
    server.restart();
    say(3, 1);
    await time.pass(SECOND);
    say(7, 4);
    await time.pass(SECOND);
    assert.deepEqual(visit.texts.slice(8), ["m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9", "m10"]);
    assert.equal(server.askedFor("history").length, 2);
  });

  it("does not take for a new log what is merely told out of order", async () => {
    say(3);
    const visit = await ada.join("general");
    server.socket.cut();
    server.wayOut = ({ type }) => (type === "reply" ? 50 : 1);
    while (server.askedFor("join").length < 2) await time.pass(1);
    say(2, 4); // overtakes the answer, whose head is 3
    await time.pass(SECOND);
    assert.deepEqual(visit.texts, ["m1", "m2", "m3", "m4", "m5"]);
    assert.ok(!visit.events.includes("reset"));
  });
});

describe("scrolling back", () => {
  it("goes on before the oldest that was shown, page by page", async () => {
    say(130);
    const { room } = await ada.join("general", { history: 20 });
    const pages = [];
    for (let more = true; more; ) {
      const reading = room.history({ limit: 50 });
      await time.pass(10);
      const page = await reading;
      pages.push(page.messages.map(({ seq }) => seq));
      more = page.more;
    }
    assert.deepEqual(pages, [numbers(61, 110), numbers(11, 60), numbers(1, 10)]);
  });

  it("reads before any place", async () => {
    say(30);
    const { room } = await ada.join("general", { history: 5 });
    const reading = room.history({ before: 11, limit: 3 });
    await time.pass(10);
    const { messages, more } = await reading;
    assert.deepEqual([messages.map(({ seq }) => seq), more], [[8, 9, 10], true]);
  });

  it("says where the next page ends, though this one holds nothing but skipped", async () => {
    say(2);
    for (const _ of [3, 4, 5]) server.fill("general", server.begin("general"), null);
    say(1, 6);
    const { room } = await ada.join("general", { history: 1 });
    const pages = [];
    for (let [before, more] = [6, true]; more; ) {
      const reading = room.history({ before, limit: 3 });
      await time.pass(10);
      const page = await reading;
      ({ before, more } = page);
      pages.push([page.messages.map(({ seq }) => seq), before]);
    }
    assert.deepEqual(pages, [[[], 3], [[1, 2], 1]]);
  });

  it("waits while there is no connection", async () => {
    say(30);
    const { room } = await ada.join("general", { history: 5 });
    server.socket.cut();
    const reading = room.history({ limit: 1 });
    await time.pass(SECOND);
    assert.deepEqual((await reading).messages.map(({ seq }) => seq), [25]);
  });

  it("rejects where it is refused, and where the room is left", async () => {
    say(30);
    const { room } = await ada.join("general", { history: 5 });
    server.refusal = ({ action }) => action === "history" && { code: "forbidden" };
    const refused = assert.rejects(room.history(), { code: "forbidden" });
    await time.pass(10);
    await refused;
    room.leave();
    await assert.rejects(room.history(), { code: "left" });
  });
});

it("tells nothing more of a room that was left, not even by a listener in the middle of a page", async () => {
  const visit = await ada.join("general");
  visit.room.addEventListener("message", ({ detail }) => detail.seq === 2 && visit.room.leave());
  for (const text of ["m1", "m2", "m3"]) server.store("general", text);
  server.broadcast("general", 1, 2, 3);
  await time.pass(SECOND);
  assert.deepEqual(visit.events, ["joined", "m1", "m2", "left: left"]);
});

it("does not wait for a clock that was set back", async () => {
  const visit = await ada.join("general");
  server.store("general", "m1");
  say(1, 2);
  await time.pass(10);
  time.setBack(HOUR);
  say(1, 3);
  await time.pass(125 * SECOND);
  assert.deepEqual(visit.texts, ["m1", "m2", "m3"]);
});

it("ignores what it does not understand", async () => {
  const visit = await ada.join("general");
  const message = { seq: 1, id: "a", user: "u", name: "n", message: "Hi", at: "" };
  const nonsense = [
    "", "not JSON", "null", "[]", "7", '"reply"', { type: "presence", room: "general" }, { type: "reply" },
    { type: "reply", ref: "a stranger's", status: "ok", seq: 9 }, { type: "messages", room: "general" },
    { type: "messages", room: "general", messages: [null, 7, {}, { ...message, seq: "1" }, { ...message, name: 7 }] },
    { type: "messages", room: "general", messages: [{ ...message, seq: -1 }], skipped: ["2", null, 1.5, -3] },
    { type: "messages", room: "another", messages: [message] }, { type: 7 }, { type: "messages", messages: {} },
  ];
  for (const frame of nonsense) server.socket.tell(frame);
  await time.pass(SECOND);
  assert.deepEqual([ada.chat.state, visit.events], ["open", ["joined"]]);
  say(1);
  await time.pass(SECOND);
  assert.deepEqual(visit.texts, ["m1"]);
});
