import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { runInNewContext } from "node:vm";

import { FakeTime, settled } from "./support/time.js";

const SOURCE = readFileSync(new URL("../sw.js", import.meta.url), "utf8");
const SITE = "https://chat.test";

/** A cache of files by their addresses. */
const cacheOf = (kept) => ({ match: async (key) => kept.get(key), put: async (key, { body }) => void kept.set(key, body) });

/** The worker of pages that have kept these files. `come` is the network's answer to the newest request for a file. */
function worker(names, openCache = async (kept) => cacheOf(kept)) {
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
    caches: { open: () => openCache(kept) },
    fetch: ({ url }) => new Promise((resolve) => requests.set(url, resolve)),
  });
  const response = (body) => ({ ok: true, headers: new Headers(), body, clone: () => response(body) });
  return {
    time,
    kept,
    /** Return what a page gets for a file, in time: `answer` stays undefined until then. */
    request(name, ids = { clientId: "a page", resultingClientId: "" }) {
      const got = { answer: undefined };
      const respondWith = async (answer) => void (got.answer = await answer);
      const request = { method: "GET", destination: "script", url: `${SITE}/${name}` };
      listeners.get("fetch")({ request, ...ids, respondWith, waitUntil() {} });
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

  it("gives a page whose document was a kept one the kept files, also when the link wakes up, and keeps those that come", async () => {
    const { time, kept, request, come } = worker(["index.html", "a.js", "b.js"]);
    const page = request("index.html", { clientId: "", resultingClientId: "asleep" });
    await time.pass(3_000);
    assert.equal(page.answer, "kept index.html");
    await come("index.html");
    const first = request("a.js", { clientId: "asleep", resultingClientId: "" });
    await come("a.js");
    assert.deepEqual([first.answer, kept.get(`${SITE}/a.js`)], ["kept a.js", "new a.js"]);
    const reloaded = request("index.html", { clientId: "asleep", resultingClientId: "awake" });
    await come("index.html");
    const second = request("b.js", { clientId: "awake", resultingClientId: "" });
    await come("b.js");
    assert.deepEqual([reloaded.answer.body, second.answer.body], ["new index.html", "new b.js"]);
  });

  const fails = () => Promise.reject(new DOMException("no room", "QuotaExceededError"));
  const broken = [
    ["be opened", fails],
    ["be read", async (kept) => ({ ...cacheOf(kept), match: fails })],
    ["be written", async (kept) => ({ ...cacheOf(kept), put: fails })],
    ["be written soon", async (kept) => ({ ...cacheOf(kept), put: () => new Promise(() => {}) })],
  ];
  for (const [what, openCache] of broken) {
    it(`gives what comes if its cache cannot ${what}`, async () => {
      const { request, come } = worker(["a.js"], openCache);
      const got = request("a.js");
      await settled();
      await come("a.js");
      assert.equal(got.answer?.body, "new a.js");
    });
  }
});
