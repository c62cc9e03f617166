import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Client } from "../../support/client-fixture.js";
import { FakePage } from "../../support/page.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeTime } from "../../support/time.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

const tokenOf = (sub) => `h.${Buffer.from(JSON.stringify({ iss: "https://issuer.test", sub })).toString("base64url")}.s`;

let time, server, page;
const client = (options) => new Client(server, { ...page, ...options });
const stored = () => server.log("general").messages.map(({ user, message }) => `${user}: ${message}`);

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  server.userOf = ({ protocols, url }) => protocols[1]?.slice("token.".length) ?? url.searchParams.get("client");
  page = new FakePage(server);
});

function goOffline() {
  server.handshake = () => "reject";
  for (const socket of server.open) socket.cut();
}

/** The page is loaded again, now online. */
function reload() {
  page.close();
  page = new FakePage(server, page);
  server.handshake = () => "open";
}

/** Start to join a room, and return it: while offline the promise of the join waits. */
function roomOf({ chat }) {
  chat.join("general").catch(() => {});
  return chat.joined[0];
}

describe("unsent messages", () => {
  const users = {
    "the client id": (user) => ({ client: user }),
    "a token": (user) => ({ token: tokenOf(user), client: "the browser's" }),
    "a token function": (user) => ({ token: async () => tokenOf(user), client: "the browser's" }),
    "a token that only the server can read": (user) => ({ token: `opaque-${user}`, client: "the browser's" }),
  };
  for (const [credential, optionsOf] of Object.entries(users)) {
    it(`are neither sent nor seen by another user who comes later, told by ${credential}`, async () => {
      const { room } = await client(optionsOf("ada")).join("general");
      goOffline();
      room.send("Ada's secret");
      reload();
      const eve = client(optionsOf("eve"));
      const pending = roomOf(eve).pending;
      await time.pass(MINUTE);
      assert.deepEqual([pending, roomOf(eve).pending, stored()], [[], [], []]);
      reload();
      await client(optionsOf("ada")).join("general");
      await time.pass(MINUTE);
      assert.deepEqual(stored().map((text) => text.split(": ")[1]), ["Ada's secret"]);
    });
  }

  it("are there at once after a reload while offline", async () => {
    const { room } = await client({ client: "ada" }).join("general");
    goOffline();
    room.send("one", { ref: "r1" });
    reload();
    assert.deepEqual(roomOf(client({ client: "ada" })).pending, [{ id: "r1", message: "one" }]);
    page.close();
  });

  it("wait for their user when the token function returns another user's token", async () => {
    let user = "ada";
    const chat = client({ token: () => tokenOf(user) });
    const { room } = await chat.join("general");
    goOffline();
    let result = "waiting";
    room.send("Ada's secret").then(() => (result = "sent"));
    user = "eve";
    server.handshake = () => "open";
    await time.pass(MINUTE);
    room.send("Eve's");
    await time.pass(MINUTE);
    const [eve, ada] = ["eve", "ada"].map((sub) => tokenOf(sub));
    assert.deepEqual([room.pending, result, stored()], [[], "waiting", [`${eve}: Eve's`]]);
    user = "ada";
    server.socket.cut();
    await time.pass(MINUTE);
    assert.deepEqual([result, stored()], ["sent", [`${eve}: Eve's`, `${ada}: Ada's secret`]]);
    chat.chat.close();
  });

  it("of two chats in one page are each sent once, and both outlive a reload", async () => {
    const rooms = await Promise.all([1, 2].map(() => client({ client: "ada" }).join("general")));
    goOffline();
    for (const [index, { room }] of rooms.entries()) room.send(`from ${index + 1}`);
    assert.deepEqual(rooms.map(({ room }) => room.pending.length), [1, 1]);
    reload();
    await client({ client: "ada" }).join("general");
    await time.pass(MINUTE);
    assert.deepEqual([stored(), page.storage.items.size], [["ada: from 1", "ada: from 2"], 0]);
  });
});

describe("closing for good", () => {
  it("fails what was written, and forgets it", async () => {
    const { chat } = client({ client: "ada" });
    const room = roomOf({ chat });
    const failed = assert.rejects(room.send("one"), { code: "closed" });
    chat.close();
    await failed;
    await client({ client: "ada" }).join("general");
    await time.pass(MINUTE);
    assert.deepEqual([stored(), page.storage.items.size], [[], 0]);
  });

  it("leaves what an earlier page had written, if this page never joined the room", async () => {
    const { room } = await client({ client: "ada" }).join("general");
    goOffline();
    room.send("one");
    reload();
    const { chat } = client({ client: "ada" });
    roomOf({ chat });
    chat.close(); // as React's StrictMode does, before it mounts a component again
    await client({ client: "ada" }).join("general");
    await time.pass(SECOND);
    assert.deepEqual(stored(), ["ada: one"]);
  });
});
