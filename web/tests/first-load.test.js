import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

import { loadedWith, WEB } from "./support/imports.js";

const html = readFileSync(join(WEB, "index.html"), "utf8");
const first = [...loadedWith("page/main.js", loadedWith("page/start.js"))].sort();

describe("the page's first load", () => {
  it("names each module in index.html, and no other: so the browser requests all of them at once", () => {
    const named = [...html.matchAll(/<link rel="modulepreload" href="(.+?)">/g)].map(([, href]) => href);
    const lines = first.map((file) => `  <link rel="modulepreload" href="${file}">`);
    assert.deepEqual(named, first, `The list in index.html should be:\n${lines.join("\n")}\n`);
  });
});
