import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { chat, client, looks, say, server, subscribe, time } from "../../support/room-list-fixture.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

describe("a mention", () => {
  beforeEach(async () => {
    for (const room of ["a", "b"]) await say(room);
    subscribe("a", "b");
    for (const room of ["a", "a", "b"]) await say(room);
    chat.rooms();
    await time.pass(SECOND);
  });

  /** Let Bob mention Ada in room a, whose fourth message that is. */
  function mention() {
    server.log("a").repair(server.reserve("a"), { ref: "m", user: "bob", message: "@Ada", mentions: ["ada"] }, time.now());
    server.broadcast("a", 4);
  }
  const of = () => chat.rooms().list.find(({ room }) => room === "a");

  it("is told in a room that is not joined, until that is read", async () => {
    mention();
    await time.pass(SECOND);
    assert.deepEqual([of().mentions, of().mention.seq, of().unread], [1, 4, 3]);
    server.subscriptions.mark("ada", "a", 4);
    await time.pass(SECOND);
    assert.deepEqual([of().mentions, of().mention, of().unread], [0, undefined, 0]);
  });

  it("puts its room first, though its newest message was not told", async () => {
    assert.deepEqual(looks(), [["b"], ["a"]]);
    mention();
    await time.pass(SECOND);
    assert.deepEqual(looks("mentions"), [["a", 1], ["b", 0]]);
  });

  it("is not named any more when it was deleted, though there are others", async () => {
    mention();
    await time.pass(SECOND);
    server.socket.push({ type: "notice", room: "a", ...of(), mentions: 2, mention: { seq: 5, user: "bob", name: "Bob", at: "" } });
    await time.pass(SECOND);
    assert.equal(of().mention.seq, 5);
    server.socket.push({ type: "notice", room: "a", ...of(), mentions: 1, mention: undefined });
    await time.pass(SECOND);
    assert.deepEqual([of().mentions, of().mention], [1, undefined]);
  });

  it("is not hidden by the reply to a mark that was stored before and comes after it", async () => {
    server.subscriptions.noticesHaveSeq = true;
    const { room } = await client.join("a");
    server.delayOut = ({ type, read }) => (type === "reply" && read ? 5 * SECOND : 1);
    room.leave(); // Its messages are counted by what the server tells alone.
    room.read(3);
    await time.pass(SECOND);
    mention();
    await time.pass(SECOND);
    assert.deepEqual([of().mentions, of().unread, of().read], [1, 1, 3]);
    await time.pass(MINUTE);
    assert.deepEqual([of().mentions, of().unread, of().mention?.seq], [1, 1, 4]);
  });

  it("is newer than a list that was read before and comes after it", async () => {
    server.delayOut = ({ rooms }) => (rooms ? 5 * SECOND : 1);
    server.socket.cut();
    await time.pass(2 * SECOND);
    mention();
    await time.pass(2 * SECOND);
    assert.equal(of().mentions, 1);
    await time.pass(MINUTE);
    assert.deepEqual([of().mentions, of().mention?.seq], [1, 4]);
  });
});
