import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Reading } from "../../../../page/state/room/reading.js";

const [nine, ten] = [9, 10].map((hour) => new Date(2026, 10, 24, hour));

class Room extends EventTarget {
  user = "u-ada";

  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

let room, reading, entries, changes;

function come(...seqs) {
  for (const seq of seqs) {
    entries.push({ kind: "message", seq, mine: false, deleted: false });
    room.emit("message", { seq, user: "u-bob" });
  }
}

function write(seq) {
  entries.push({ kind: "message", seq, mine: true, deleted: false });
  room.emit("message", { seq, user: room.user });
}

beforeEach(() => {
  [room, entries, changes] = [new Room(), [], 0];
  reading = new Reading(room, () => changes++);
  come(1, 2);
  room.emit("ready", {});
});

describe("what was not in view", () => {
  it("is counted, without the history and one's own", () => {
    come(3, 4);
    write(5);
    assert.equal(reading.unseen(entries), 2);
    reading.look(3);
    assert.deepEqual([reading.unseen(entries), changes], [1, 1]);
    reading.look(2);
    assert.deepEqual([reading.unseen(entries), changes], [1, 1]);
  });

  it("is nothing in a new log", () => {
    come(3);
    room.emit("reset", {});
    entries = [];
    assert.equal(reading.unseen(entries), 0);
    come(1);
    assert.equal(reading.unseen(entries), 1);
  });
});

describe("the line", () => {
  it("is set where the reader went, once something comes", () => {
    reading.goAway(nine);
    reading.goAway(ten);
    write(3);
    assert.equal(reading.mark, null);
    come(4);
    assert.deepEqual(reading.mark, { seq: 2, since: nine });
  });

  it("is not set by what comes while the reader is here", () => {
    reading.goAway(nine);
    reading.comeBack();
    come(3);
    assert.equal(reading.mark, null);
  });

  it("does not move while the reader is here, and moves when they have seen more and go again", () => {
    reading.goAway(nine);
    come(3);
    reading.comeBack();
    come(4);
    reading.look(4);
    assert.deepEqual(reading.mark, { seq: 2, since: nine });
    reading.goAway(ten);
    assert.deepEqual(reading.mark, { seq: 2, since: nine });
    come(5);
    assert.deepEqual(reading.mark, { seq: 4, since: ten });
  });

  it("stays if the reader has seen nothing of it meanwhile", () => {
    reading.goAway(nine);
    come(3);
    reading.comeBack();
    reading.goAway(ten);
    come(4);
    assert.deepEqual(reading.mark, { seq: 2, since: nine });
  });

  it("goes when it is taken away, when the room is left, and with its log", () => {
    for (const end of [() => reading.dismiss(), () => reading.leave(ten), () => room.emit("reset", {})]) {
      reading.goAway(nine);
      come(entries.length + 1);
      assert.notEqual(reading.mark, null);
      end();
      assert.equal(reading.mark, null);
      reading.comeBack();
      reading.look(entries.length);
    }
  });

  it("is set by what comes into a room that was left", () => {
    reading.leave(nine);
    come(3);
    assert.deepEqual(reading.mark, { seq: 2, since: nine });
  });
});
