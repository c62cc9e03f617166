import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Names } from "../../../../page/state/room/names.js";

const ADA = "c81e728d9d4c2f636f06";
const OTHER = "eccbc87e4b5ce2fe2830";

describe("the names in a room", () => {
  let names;

  beforeEach(() => {
    names = new Names();
    names.learn(ADA, "Ada");
  });

  it("need nothing more while they differ", () => {
    names.learn(OTHER, "Adam");
    assert.deepEqual([names.tagOf(ADA, "Ada"), names.tagOf(OTHER, "Adam"), names.version], ["", "", 0]);
  });

  it("are told apart for both users as soon as they are equal to a reader", () => {
    names.learn(OTHER, "ADA");
    assert.deepEqual([names.tagOf(ADA, "Ada"), names.tagOf(OTHER, "ADA")], ["6f06", "2830"]);
    assert.equal(names.version, 1);
    names.learn(OTHER, "ADA");
    assert.equal(names.version, 1);
  });

  it("tell also somebody apart who has not said anything here", () => {
    assert.equal(names.tagOf("", "Ada"), "");
    assert.equal(names.tagOf(OTHER, "Ada"), "2830");
    assert.equal(names.tagOf(OTHER, "Grace"), "");
  });

  it("stay known when their user takes another one", () => {
    names.learn(ADA, "Lovelace");
    assert.equal(names.nameOf(ADA), "Lovelace");
    assert.deepEqual(names.namesOf([ADA]), ["Ada", "Lovelace"]);
    names.learn(ADA, "Ada");
    assert.equal(names.nameOf(ADA), "Ada");
    names.learn(OTHER, "Lovelace");
    assert.equal(names.tagOf(ADA, "Lovelace"), "6f06");
  });

  it("have another version when one comes that was asked for", () => {
    assert.deepEqual(names.namesOf([OTHER]), []);
    names.learn("u-bob", "Bob");
    assert.equal(names.version, 0);
    names.learn(OTHER, "Grace");
    assert.equal(names.version, 1);
    assert.deepEqual(names.namesOf([OTHER, ADA]), ["Grace", "Ada"]);
  });
});
