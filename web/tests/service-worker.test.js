import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { runInNewContext } from "node:vm";

import { FakeTime, settled } from "./support/time.js";

const SOURCE = readFileSync(new URL("../sw.js", import.meta.url), "utf8");
const SITE = "https://chat.test";

/** The worker of a page that has kept these files. `come` is the network's answer to the oldest request for a file. */
function worker(names) {
  const time = new FakeTime();
  const kept = new Map(names.map((name) => [`${SITE}/${name}`, `kept ${name}`]));
  const listeners = new Map();
  const requests = new Map();
  runInNewContext(SOURCE, {
    URL,
    location: new URL(`${SITE}/sw.js`),
    performance: { now: time.elapsed },
    setTimeout: time.setTimeout,
    clearTimeout: time.clearTimeout,
    self: { addEventListener: (type, listener) => listeners.set(type, listener) },
    caches: { open: async () => ({ match: async (key) => kept.get(key), put: async (key, { body }) => void kept.set(key, body) }) },
    fetch: ({ url }) => new Promise((resolve) => requests.set(url, resolve)),
  });
  const response = (body) => ({ ok: true, headers: new Headers(), body, clone: () => response(body) });
  return {
    time,
    kept,
    /** Return what the page gets for a file, in time: `answer` stays undefined until then. */
    request(name) {
      const got = { answer: undefined };
      const respondWith = async (answer) => void (got.answer = await answer);
      listeners.get("fetch")({ request: { method: "GET", destination: "script", url: `${SITE}/${name}` }, respondWith });
      return got;
    },
    async come(name) {
      requests.get(`${SITE}/${name}`)(response(`new ${name}`));
      await settled();
    },
  };
}

describe("the service worker", () => {
  it("gives what is kept when the network has been silent for three seconds, and then at once until something comes", async () => {
    const { time, request, come } = worker(["a.js", "b.js", "c.js"]);
    const first = request("a.js");
    await time.pass(2_999);
    assert.equal(first.answer, undefined);
    await time.pass(1);
    assert.equal(first.answer, "kept a.js");
    const second = request("b.js");
    await settled();
    assert.equal(second.answer, "kept b.js");
    await come("a.js");
    const third = request("c.js");
    await time.pass(2_999);
    assert.equal(third.answer, undefined);
  });

  it("waits for files as long as others come: a slow link gives no two versions", async () => {
    const names = ["a.js", "b.js", "c.js", "d.js"];
    const { time, kept, request, come } = worker(names);
    const got = names.map(request);
    await settled();
    for (const name of names) {
      await time.pass(2_000);
      await come(name);
    }
    assert.deepEqual(got.map(({ answer }) => answer.body), names.map((name) => `new ${name}`));
    assert.equal(kept.get(`${SITE}/d.js`), "new d.js");
    assert.equal(time.waiting, 0);
  });
});
