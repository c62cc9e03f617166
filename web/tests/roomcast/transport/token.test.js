import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { ownerOf } from "../../../roomcast/transport/token.js";
import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server/server.js";
import { FakeTime } from "../../support/time.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

let time, server, requests;

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  requests = [];
});

/** A client with tokens that last for so many seconds, issued when they are asked for. */
function client(lifetimes) {
  const token = ({ fresh }) => {
    requests.push(fresh);
    const seconds = lifetimes.length > 1 ? lifetimes.shift() : lifetimes[0];
    return `${requests.length}.${time.elapsed() + seconds * SECOND}`;
  };
  server.expiresIn = ({ protocols }) => Math.round((Number(protocols[1].split(".")[2]) - time.elapsed()) / SECOND);
  return new Client(server, { token });
}

/** Join a room, and return the minutes until the library moves to another socket. */
async function untilMove(ada) {
  await ada.join("general");
  const since = time.elapsed();
  while (server.sockets.length < 2) await time.pass(SECOND);
  await time.pass(SECOND);
  assert.deepEqual([ada.states, server.open.length], [["connecting", "open"], 1]);
  return (time.elapsed() - since) / MINUTE;
}

describe("a token that expires", () => {
  it("is replaced before that, without interruption", async () => {
    const minutes = await untilMove(client([600]));
    assert.deepEqual([Math.round(minutes), requests], [8, [false, true]]);
  });

  for (const minutesAhead of [15, -15, 0]) {
    it(`is replaced when the server says, on a device whose clock is ${minutesAhead} minutes ahead`, async () => {
      time.setForward(minutesAhead * MINUTE);
      const ada = client([600]);
      await ada.join("general");
      await time.pass(HOUR);
      assert.equal(server.sockets.length, 8); // 60 minutes with a move every 8
      ada.chat.close();
    });
  }

  it("is replaced in time if it was not new", async () => {
    const minutes = await untilMove(client([20, 600]));
    assert.ok(minutes < 0.4, `${minutes} minutes`);
    await time.pass(5 * MINUTE);
    assert.deepEqual(requests, [false, true]);
  });

  it("is not replaced twice in a row for its age, though each fresh one lasts just ten seconds", async () => {
    const ada = client([10]);
    await ada.join("general");
    await time.pass(HOUR);
    assert.deepEqual([requests, server.sockets.length], [[false, true], 2]); // The server ends the second.
    server.socket.push({ type: "disconnect", code: "token_expired", reconnect: true });
    await time.pass(MINUTE);
    assert.deepEqual([requests, ada.chat.state], [[false, true, true], "open"]);
    ada.chat.close();
  });

  it("is not used again if it expired while offline", async () => {
    server.expiresIn = () => 5;
    const ada = new Client(server, { token: ({ fresh }) => (requests.push(fresh), "cached") });
    await ada.join("general");
    server.handshake = () => "hang";
    server.socket.cut();
    await time.pass(12 * SECOND); // a handshake times out after ten
    assert.deepEqual(requests, [false, false, true]);
  });

  it("is not used again if it expired while the device slept, when one of its clocks stood still", async () => {
    server.expiresIn = () => 600;
    await new Client(server, { token: ({ fresh }) => (requests.push(fresh), "cached") }).join("general");
    time.setForward(HOUR);
    server.socket.cut();
    await time.pass(2 * SECOND);
    assert.deepEqual(requests, [false, true]);
  });

  it("is irrelevant if it expires after the socket, or if the server does not say when", async () => {
    for (const lifetime of [24 * 3600, undefined]) {
      server = new ScriptedServer(time);
      requests = [];
      const ada = client([24 * 3600]);
      if (!lifetime) server.expiresIn = () => undefined;
      const minutes = await untilMove(ada);
      ada.chat.close();
      assert.deepEqual([minutes >= 104 && minutes <= 110, requests], [true, [false, false]]);
    }
  });
});

describe("the heartbeat", () => {
  for (const hours of [-5, 5]) {
    it(`goes on after the device's clock was set by ${hours} hours`, async () => {
      const ada = new Client(server, { heartbeat: MINUTE });
      const record = await ada.join("general");
      time.setForward(hours * HOUR);
      server.store("general", "not broadcast");
      await time.pass(2 * MINUTE);
      assert.deepEqual(record.texts, ["not broadcast"]);
      const { length } = server.requests("ping");
      await time.pass(10 * MINUTE);
      const pings = server.requests("ping").length - length;
      assert.ok(pings >= 9 && pings <= 11, `${pings} pings in ten minutes`);
      ada.chat.close();
    });
  }
});

describe("the owner of a token", () => {
  const jwt = (claims) => `h.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`;

  it("is its subject at its issuer", () => {
    const claims = { iss: "https://i", sub: "???~~~ ???~~~  ???~~~" }; // base64url differs from base64 here
    assert.match(jwt(claims), /-.*_|_.*-/);
    assert.equal(ownerOf(jwt(claims), "c"), `token https://i ${claims.sub}`);
    assert.notEqual(ownerOf(jwt({ ...claims, iss: "https://j" }), "c"), ownerOf(jwt(claims), "c"));
  });

  it("is the client id's if there is no token, and unknown if the token cannot be read", () => {
    assert.equal(ownerOf("", "c"), "client c");
    for (const token of ["opaque", "a.b.c", jwt(null), jwt({})]) assert.equal(ownerOf(token, "c"), null);
  });
});
