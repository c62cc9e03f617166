import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { play } from "../../support/conversation.js";

const FOLDER = new URL("../../../../docs/conversations/", import.meta.url);
const FILES = readdirSync(FOLDER).filter((name) => name !== "README.md").sort();
const OPENED = `* join general 0
> CONNECT ?room=
> {"action": "join", "ref": "$j1", "room": "general"}
< {"type":"reply","ref":"$j1","status":"ok","room":"general","seq":0,"user":"u1","name":"Ada"}
`;

describe("a recorded conversation is what the library does:", () => {
  for (const name of FILES) it(name, () => play(readFileSync(new URL(name, FOLDER), "utf8")));
});

describe("the folder of conversations", () => {
  it("holds a file per situation, each of them in the table of its README", () => {
    const rows = readFileSync(new URL("README.md", FOLDER), "utf8").matchAll(/^\| \[([\w-]+\.txt)\]\(\1\) \|/gm);
    assert.deepEqual([...rows].map(([, name]) => name).sort(), FILES);
    assert.ok(FILES.length >= 10);
  });
});

describe("a replay fails", () => {
  /** @type {[string, string, RegExp][]} */
  const wrong = [
    ["if the client sends something else", OPENED.replace('"general"}', '"news"}'), /line 3: .*\n.*has not done this/],
    ["if the client sends more", OPENED.replace(/^>.*join.*\n/m, ""), /what no line says/],
    ["if the client sends nothing", `${OPENED}... 1\n> {"action": "leave", "ref": "$l1", "room": "general"}`, /not done this/],
    ["if something else is shown", `${OPENED}= shown general [[1, "Hi"]]`, /shown general/],
    ["if nothing says what is shown", OPENED, /no line says what is shown/],
    ["if the client lost what no line says", `${OPENED}= shown general []\n= lost general [[1, 2]]`, /lost general/],
    ["at a line that nobody understands", "? what", /line 1: \? what/],
  ];
  for (const [name, text, reason] of wrong) it(name, () => assert.rejects(play(text), reason));
});
