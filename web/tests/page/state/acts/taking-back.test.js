import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { RoomModel } from "../../../../page/state/room/room-model.js";
import { FakeChat } from "../../../support/page/fake-chat.js";

let model, room;
const texts = () => model.entries.map(({ text }) => text);

beforeEach(() => {
  const chat = new FakeChat();
  model = new RoomModel(chat, "general");
  room = chat.room;
  room.begin();
});

describe("a message that is taken back", () => {
  it("is not sent, and gives its text", () => {
    model.write("one");
    model.write("two");
    const [, { ref }] = room.sends;
    assert.deepEqual(model.acts.takeBack(), { text: "two", replyTo: 0 });
    assert.deepEqual([room.actions, texts()], [[["delete", ref]], ["one"]]);
  });

  it("gives its own text, also after another one was taken back", () => {
    for (const text of ["one", "two"]) model.send({ typed: text, texts: [text], picked: [] });
    assert.deepEqual(["two", "one"], [model.acts.takeBack().text, model.acts.takeBack().text]);
    assert.deepEqual([texts(), model.acts.takeBack()], [[], null]);
  });

  it("gives its own text if it is an answer in a thread, which is sent another way", () => {
    model.send({ typed: "one", texts: ["one"], picked: [] });
    model.answer(7);
    model.write("two");
    assert.deepEqual(model.acts.takeBack(), { text: "two", replyTo: 7 });
    assert.deepEqual(texts(), ["one"]);
  });

  it("is not one that the server may have", () => {
    model.write("one");
    room.pending[0].tried = true;
    assert.equal(model.acts.takeBack(), null);
    assert.deepEqual([room.actions, texts()], [[], ["one"]]);
  });
});

describe("a long text that is taken back", () => {
  const typed = "```\none\ntwo\n```\n";

  beforeEach(() => {
    model.write("before");
    model.answer(7);
    model.send({ typed, texts: ["```\none\n```", "```\ntwo\n```"], picked: [] });
  });

  it("is as it was typed, and answers what it answered", () => {
    assert.deepEqual(model.acts.takeBack(), { text: typed, replyTo: 7 });
    assert.deepEqual(texts(), ["before"]);
    assert.deepEqual(room.actions, room.sends.slice(1).map(({ ref }) => ["delete", ref]));
  });

  it("is what the server cannot have of it", () => {
    room.pending[1].tried = true;
    assert.deepEqual(model.acts.takeBack(), { text: "```\ntwo\n```", replyTo: 0 });
    assert.deepEqual(texts(), ["before", "```\none\n```"]);
  });
});
