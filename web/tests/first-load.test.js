import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";

import { filesIn, importsOf, loadedWith, WEB } from "./support/imports.js";

const read = (file) => readFileSync(join(WEB, file));
const html = read("index.html").toString();
const first = [...loadedWith("page/main.js", loadedWith("page/start.js"))].sort();
const late = filesIn("page").filter((file) => !first.includes(file));
const isOfLibrary = (file) => file.startsWith("roomcast");

/**
 * KB with gzip, file by file: a little more than they are. The page was planned with 37, 32, 11 and 20, with fewer things
 * that it can do; two fifths of library and interface are comments, which nothing takes out. What needs more is worth a late part.
 */
const BOUNDS = {
  library: [first.filter(isOfLibrary), 77],
  interface: [first.filter((file) => !isOfLibrary(file)), 108],
  "HTML and CSS": [["index.html", ...filesIn("page/styles", ".css")], 19],
  "late parts": [late, 27],
};

describe("the page's first load", () => {
  it("names each module in index.html, and no other: so the browser requests all of them at once", () => {
    const named = [...html.matchAll(/<link rel="modulepreload" href="(.+?)">/g)].map(([, href]) => href);
    const lines = first.map((file) => `  <link rel="modulepreload" href="${file}">`);
    assert.deepEqual(named, first, `The list in index.html should be:\n${lines.join("\n")}\n`);
  });

  it("leaves out only what an import() loads", () => {
    const reached = new Set();
    const visit = (file) => {
      for (const imported of importsOf(file).all.filter((imported) => !reached.has(imported))) {
        reached.add(imported);
        visit(imported);
      }
    };
    for (const file of first) visit(file);
    assert.deepEqual(late.filter((file) => !reached.has(file)), []);
  });

  for (const [name, [files, bound]] of Object.entries(BOUNDS)) {
    it(`keeps the ${name} below ${bound} KB`, () => {
      const size = files.reduce((sum, file) => sum + gzipSync(read(file), { level: 9 }).length, 0) / 1024;
      assert.ok(size <= bound, `${size.toFixed(1)} KB in ${files.length} files`);
    });
  }
});
