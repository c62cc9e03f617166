import assert from "node:assert/strict";
import { it } from "node:test";

import { mentionsIn } from "../../../../page/state/room/mentions.js";

const person = (user, name, mine = false) => ({ user, name, tag: "", mine });
const people = [person("me", "Linus", true), person("u1", "Ada"), person("u2", "Ada Lovelace"), person("u3", "Grace"), person("u4", "GRACE")];

it("mentions those who alone have the name, once, by the longest name, in any case", () => {
  assert.deepEqual(mentionsIn("@ada, @Ada Lovelace and @Ada", people, []), ["u1", "u2"]);
});

it("mentions nobody by a name in code, in an address, of oneself, of several, or of nobody here", () => {
  assert.deepEqual(mentionsIn("`@Ada` x@Ada @Linus @Grace @Alan", people, []), []);
});

it("mentions who was picked of several, also if they have left, and only while the name stands in the text", () => {
  assert.deepEqual(mentionsIn("@Grace", people, [people[4]]), ["u4"]);
  assert.deepEqual(mentionsIn("@Alan", people, [person("u9", "Alan")]), ["u9"]);
  assert.deepEqual(mentionsIn("@Grac", people, [people[4]]), []);
});

it("mentions no more than the server takes", () => {
  const all = (count, user) => Array.from({ length: count }, (_, index) => person(`${user}${index}`, `P${index}`));
  const text = (people) => people.map(({ name }) => `@${name}`).join(" ");
  const [many, large] = [all(60, "u"), all(40, "x".repeat(60))];
  assert.equal(mentionsIn(text(many), many, []).length, 50);
  const mentions = mentionsIn(text(large), large, []);
  assert.ok(mentions.length > 25 && JSON.stringify(mentions).length <= 2048);
});
