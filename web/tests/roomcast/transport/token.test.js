import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { remainingLifetime } from "../../../roomcast/transport/token.js";
import { Client } from "../../support/client-fixture.js";
import { ScriptedServer } from "../../support/server.js";
import { FakeTime } from "../../support/time.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

let time, server, random;
const client = (options) => new Client(server, { random: () => random, ...options });

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  random = 0.5;
});

describe("a token that expires", () => {
  const encoded = (claims) => Buffer.from(JSON.stringify(claims)).toString("base64url");
  const sub = "???~~~ ???~~~  ???~~~"; // base64url differs from base64 here, wherever the text begins
  const token = (claims) => `h.${encoded({ sub, ...claims })}.s`;
  const seconds = () => Math.floor(time.now() / SECOND);

  /** Return the minutes until the library moves to another socket, and each `fresh` that it asked for. */
  async function moveTimes(claims) {
    const fresh = [];
    const ada = client({ token: (request) => (fresh.push(request.fresh), token(claims())) });
    await ada.join("general");
    const since = time.now();
    while (server.sockets.length < 2) await time.pass(SECOND);
    await time.pass(SECOND);
    assert.deepEqual([ada.states, server.open.length], [["connecting", "open"], 1]);
    return [Math.round((time.now() - since) / MINUTE), fresh];
  }

  it("is replaced before it expires, without interruption", async () => {
    assert.match(token({}), /-.*_/);
    assert.deepEqual(await moveTimes(() => ({ exp: seconds() + 600, iat: seconds() })), [8, [false, true]]);
  });

  it("is replaced in time if it was not new", async () => {
    assert.deepEqual(await moveTimes(() => ({ exp: seconds() + 300, iat: seconds() - 300 })), [4, [false, true]]);
  });

  it("is replaced in time if the computer's clock is wrong", async () => {
    for (const hours of [-1, 1]) {
      const issued = () => seconds() + hours * 3600;
      server = new ScriptedServer(time);
      assert.deepEqual(await moveTimes(() => ({ exp: issued() + 600, iat: issued() })), [8, [false, true]]);
    }
  });

  it("is replaced at most every 30 seconds, though it expires at once", async () => {
    assert.deepEqual(await moveTimes(() => ({ exp: seconds() + 1 })), [1, [false, true]]);
  });

  it("is not used again if it expired while offline", async () => {
    const fresh = [];
    const ada = client({ token: (request) => (fresh.push(request.fresh), token({ exp: seconds() + 5 })) });
    await ada.join("general");
    server.handshake = () => "hang";
    server.socket.cut();
    await time.pass(12 * SECOND); // a handshake times out after ten
    assert.deepEqual(fresh, [false, false, true]);
  });

  it("is irrelevant if it expires after the socket", async () => {
    const [minutes, fresh] = await moveTimes(() => ({ exp: seconds() + 24 * 3600 }));
    assert.deepEqual([minutes >= 104 && minutes <= 110, fresh], [true, [false, false]]);
  });

  it("may be unreadable", async () => {
    for (const unreadable of ["opaque", "a.b.c", `a.${encoded(null)}.c`, `a.${encoded({ exp: "soon" })}.c`]) {
      const ada = client({ token: unreadable });
      await ada.join("general");
      assert.equal(server.socket.protocols[1], `token.${unreadable}`);
      await time.pass(60 * MINUTE);
      assert.deepEqual(ada.states, ["connecting", "open"]);
      ada.chat.close();
    }
  });
});

describe("the remaining lifetime of a token", () => {
  const NOW = Date.UTC(2026, 0, 1);
  const at = (second) => NOW / 1_000 + second;
  const jwt = (claims) => `h.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`;

  it("is the time until it expires", () => {
    assert.equal(remainingLifetime(jwt({ exp: at(60) }), NOW), 60_000);
    assert.equal(remainingLifetime(jwt({ exp: at(60), iat: at(-60) }), NOW), 60_000);
  });

  it("is at most the time that the token was issued for, because the computer's clock may be slow", () => {
    assert.equal(remainingLifetime(jwt({ exp: at(3_600), iat: at(3_000) }), NOW), 600_000);
  });

  it("is the whole time if the token seems to have expired, because the computer's clock may be fast", () => {
    assert.equal(remainingLifetime(jwt({ exp: at(-3_000), iat: at(-3_600) }), NOW), 600_000);
  });

  it("is infinite for a token that does not say", () => {
    for (const token of ["", "opaque", "a.b.c", jwt(null), jwt({}), jwt({ exp: "soon" })]) {
      assert.equal(remainingLifetime(token, NOW), Infinity);
    }
  });
});
