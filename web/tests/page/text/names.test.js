import assert from "node:assert/strict";
import { it } from "node:test";

import { byName, folded, shortened, tagOf } from "../../../page/text/names.js";

it("sorts names as a reader does", () => {
  assert.deepEqual(["Person 10", "éva", "Person 2", "Ada", "Zoe"].sort(byName), ["Ada", "éva", "Person 2", "Person 10", "Zoe"]);
});

it("folds names that a reader takes for equal into one, and no others", () => {
  for (const name of ["ADA", "ada", "Ａda"]) assert.equal(folded(name), folded("Ada"), name);
  assert.notEqual(folded("Adä"), folded("Ada"));
});

it("tells users apart by the end of what the server names them", () => {
  assert.equal(tagOf("c81e728d9d4c2f636f06"), "6f06");
  assert.equal(tagOf("ada"), "ada");
});

it("shortens a name to twenty characters as a reader sees them", () => {
  assert.equal(shortened("Bartholomew the Third"), "Bartholomew the Thi…");
  assert.equal(shortened("x".repeat(20)), "x".repeat(20));
  assert.equal(shortened("👨‍👩‍👧‍👦".repeat(21)), `${"👨‍👩‍👧‍👦".repeat(19)}…`);
});
