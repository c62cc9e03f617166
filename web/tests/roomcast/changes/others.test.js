import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { ScriptedServer } from "../../support/server/server.js";
import { FakeTime } from "../../support/time.js";
import { lookOf, watchingMember } from "../../support/watching-member.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

let time, server;

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
});

describe("what others change", () => {
  const react = (seq, user, on = true) => server.change("general", seq, { action: "react", user, reaction: "👍", on });

  it("comes as entries: with numbers that are no gap", async () => {
    const { record, room, forms } = await watchingMember(server);
    server.say("general", "Bob's");
    react(1, "bob");
    react(1, "cy");
    server.say("general", "more");
    await time.pass(MINUTE);
    assert.deepEqual([record.seqs, record.lost, server.requests("history").length], [[1, 4], [], 0]);
    assert.deepEqual(forms, [["reactions", "now", "Bob's 👍 1"], ["reactions", "now", "Bob's 👍 2"]]);
    assert.deepEqual(room.pending, []);
  });

  it("leaves a gap if its broadcast is lost, and is then requested", async () => {
    const { forms } = await watchingMember(server);
    server.say("general", "Bob's");
    server.change("general", 1, { action: "edit", message: "Bob's own" }, { isBroadcast: false });
    server.say("general", "more");
    await time.pass(3 * SECOND);
    assert.deepEqual(forms, [["changed", "now", "Bob's own"]]);
  });

  it("may bring a message whose own broadcast is lost", async () => {
    const { record, forms } = await watchingMember(server);
    server.store("general", "Bob's");
    react(1, "bob");
    await time.pass(10);
    assert.deepEqual([record.messages.map(lookOf), forms], [["Bob's 👍 1"], []]);
  });

  it("is shown in its newest form, whichever comes last", async () => {
    const { forms } = await watchingMember(server);
    server.say("general", "Bob's");
    await time.pass(10);
    server.delayOut = () => 100;
    react(1, "bob");
    server.delayOut = () => 1;
    react(1, "cy");
    await time.pass(SECOND);
    assert.deepEqual(forms, [["reactions", "now", "Bob's 👍 2"]]);
  });

  it("is in a page of earlier messages, even if the page was read before", async () => {
    for (const text of ["one", "two"]) server.say("general", text);
    const { room } = await watchingMember(server, { history: 1 });
    server.delayOut = ({ type }) => (type === "reply" ? 200 : 1);
    const reading = room.history();
    await time.pass(100);
    server.change("general", 1, { action: "edit", message: "new" });
    await time.pass(SECOND);
    assert.deepEqual((await reading).messages.map(lookOf), ["new"]);
  });

  it("is read again of what is shown if numbers are lost, page by page", async () => {
    for (let number = 1; number <= 250; number++) server.say("general", `m${number}`);
    const { record } = await watchingMember(server, { history: 250 });
    const forms = [];
    record.room.addEventListener("changed", ({ detail }) => forms.push([detail.seq, lookOf(detail)]));
    server.handshake = () => "reject";
    server.socket.cut();
    for (const seq of [2, 249]) server.change("general", seq, { action: "edit", message: "new" });
    server.say("general", "much later");
    time.setForward(2 * 3600 * SECOND);
    for (const seq of [251, 252]) server.log("general").rows.delete(seq);
    await time.pass(10);
    server.handshake = () => "open";
    await time.pass(2 * MINUTE);
    assert.deepEqual(record.lost.flat()[0], 251);
    assert.deepEqual(forms, [[249, "new"], [2, "new"]]);
  });

  it("can be asked for: who has reacted, page by page", async () => {
    const { room } = await watchingMember(server);
    server.say("general", "Bob's");
    for (const user of ["a", "b", "c", "d", "e"]) react(1, user);
    const reading = (async () => {
      const users = [];
      for await (const { user, reaction } of room.reactions(1)) users.push(user + reaction);
      return users;
    })();
    await time.pass(SECOND);
    assert.deepEqual(await reading, ["a👍", "b👍", "c👍", "d👍", "e👍"]);
    assert.equal(server.requests("reactions").length, 3);
  });
});
