import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { filesIn, importsOf } from "./support/imports.js";

const BROWSER_FILES = ["settings.js", "roomcast.js", ...filesIn("roomcast"), ...filesIn("page")];

/** Each layer of the library may import itself and the layers after it. */
const LAYERS = ["page", "roomcast.js", "room", "transport", "protocol"];
/** What each folder of the page may import besides itself. The views are given parts of the state, and so know their types. */
const PAGE = {
  start: ["main", "words"],
  main: ["going", "finding", "telling", "views", "state", "words", "text", "roomcast.js", "settings.js"],
  going: ["views", "state", "words"],
  finding: ["views", "state", "words", "text"],
  telling: ["views", "state", "words", "text", "roomcast.js"],
  views: ["words", "text"],
  state: ["words", "text", "roomcast.js"],
  words: ["text"],
  text: [],
};
/** Imports nothing, and every layer may import it. */
const BESIDE = ["page/late.js", "roomcast/emitter.js", "roomcast/deferred.js", "roomcast/transport/clock.js", "settings.js"];

function layerOf(file) {
  const [first, second] = file.split("/");
  return first === "roomcast" ? second : first;
}

/** Return the folder of a file of the page; of main.js, which is in none, `main`; of another file its layer. */
function folderOf(file) {
  const [first, second] = file.split("/");
  return first === "page" ? second.replace(".js", "") : first;
}

/** Return every path of imports from a file back to itself. */
function circlesFrom(start) {
  const seen = new Set();
  const visit = (file, path) =>
    importsOf(file).all.flatMap((next) => {
      if (next === start) return [[...path, next].join(" -> ")];
      if (seen.has(next)) return [];
      seen.add(next);
      return visit(next, [...path, next]);
    });
  return visit(start, [start]);
}

describe("imports in web/", () => {
  it("lead to files that exist", () => {
    for (const file of BROWSER_FILES) {
      for (const imported of importsOf(file, { types: true }).all) {
        assert.ok(BROWSER_FILES.includes(imported), `${file} imports ${imported}`);
      }
    }
  });

  it("lead down: page, roomcast.js, room, transport, protocol", () => {
    for (const file of BROWSER_FILES.filter((file) => !BESIDE.includes(file))) {
      for (const imported of importsOf(file, { types: true }).all.filter((imported) => !BESIDE.includes(imported))) {
        const [from, to] = [file, imported].map((file) => LAYERS.indexOf(layerOf(file)));
        assert.ok(from >= 0 && to >= from, `${file} imports ${imported}`);
      }
    }
  });

  it("of the files beside the layers do not exist", () => {
    for (const file of BESIDE) assert.deepEqual(importsOf(file).all, [], file);
  });

  it("of the page reach the library only through roomcast.js", () => {
    for (const file of BROWSER_FILES.filter((file) => layerOf(file) === "page")) {
      const deeper = importsOf(file, { types: true }).all.filter((imported) => imported.startsWith("roomcast/"));
      assert.deepEqual(deeper, [], file);
    }
  });

  it("of the page go one way: main to views and state, and these to words and text", () => {
    for (const file of BROWSER_FILES.filter((file) => layerOf(file) === "page")) {
      const folder = folderOf(file);
      const others = importsOf(file).all.filter((imported) => folderOf(imported) !== folder && !BESIDE.includes(imported));
      for (const imported of others) {
        assert.ok(PAGE[folder]?.includes(folderOf(imported)), `${file} imports ${imported}`);
      }
    }
  });

  it("form no circle", () => {
    for (const file of BROWSER_FILES) assert.deepEqual(circlesFrom(file), [], file);
  });
});
