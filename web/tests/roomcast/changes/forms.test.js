import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Forms } from "../../../roomcast/room/log/forms.js";

const message = (seq, revision, text = "text") => {
  return { seq, id: `m${seq}`, user: "u", name: "n", message: text, at: "", ...(revision && { revision }) };
};
const run = (messages, changes = []) => ({ messages, changes, skipped: [] });
const change = (seq, kind, form) => ({ seq, of: 1, kind, ...(form && { message: form }) });

let forms;
const noted = (...args) => forms.note(run(...args)).map(({ type, detail }) => [type, detail.seq, detail.revision]);

beforeEach(() => {
  forms = new Forms();
});

describe("the forms of a message", () => {
  it("count by their revisions, in whatever order they come", () => {
    forms.note(run([message(1)]));
    assert.deepEqual(noted([], [change(9, "edit", message(1, 9, "new"))]), [["changed", 1, 9]]);
    assert.deepEqual(noted([], [change(8, "edit", message(1, 8, "older"))]), []);
    assert.deepEqual(noted([message(1, 7)]), []);
    assert.deepEqual([forms.latest(message(1, 7)).message, forms.get(1).message], ["new", "new"]);
    assert.equal(forms.latest(message(1, 10, "newest")).message, "newest");
  });

  it("are told once, by what has changed", () => {
    const react = change(9, "react", message(1, 9));
    assert.deepEqual(noted([], [react]), [["reactions", 1, 9]]);
    assert.deepEqual(noted([], [react]), []);
  });

  it("have all changes of a run: only the last of them brings the form", () => {
    const changes = [change(7, "edit"), change(8, "react"), change(9, "react", message(1, 9))];
    assert.deepEqual(noted([], changes), [["changed", 1, 9], ["reactions", 1, 9]]);
  });

  it("that come in a page may have changed in any way", () => {
    assert.deepEqual(noted([message(1, 9), message(2)]), [["changed", 1, 9], ["reactions", 1, 9]]);
  });

  it("changed in a way that a later server knows", () => {
    assert.deepEqual(noted([], [change(9, "pin", message(1, 9))]), [["changed", 1, 9]]);
  });

  it("are remembered of the messages that were noted last", () => {
    for (let seq = 1; seq <= 2_001; seq++) forms.note(run([message(seq)]));
    assert.deepEqual([forms.get(1), forms.get(2)?.seq, forms.get(2_001)?.seq], [undefined, 2, 2_001]);
  });
});
