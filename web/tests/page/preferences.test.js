import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { bringsToken, Preferences } from "../../page/preferences.js";
import { FakeStorage } from "../support/storage.js";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

let browser, tab;

beforeEach(() => {
  browser = new FakeStorage();
  tab = new FakeStorage();
});

const open = (query = "", { page = "http://127.0.0.1:8080/", endpoint = "/prod" } = {}) =>
  new Preferences({ address: page + query, endpoint, local: () => browser, session: () => tab });

describe("the endpoint", () => {
  it("may be a path on the page's host, with the page's scheme", () => {
    assert.equal(open().endpoint, "ws://127.0.0.1:8080/prod");
    assert.equal(open("", { page: "https://chat.test/web/" }).endpoint, "wss://chat.test/prod");
  });

  it("may be a full address, and keeps its query", () => {
    const endpoint = "wss://abc.test/prod?token=t";
    assert.equal(open("", { endpoint }).endpoint, endpoint);
  });

  it("may be in the page's address", () => {
    assert.equal(open("?endpoint=ws://other.test:9/dev").endpoint, "ws://other.test:9/dev");
  });
});

describe("the room", () => {
  it("is the lobby unless the address names another", () => {
    assert.equal(open().room, "lobby");
    assert.equal(open("?room=").room, "lobby");
    assert.equal(open("?room=general").room, "general");
  });

  it("becomes a valid name", () => {
    assert.equal(open("?room=%20my%20%20room ").room, "my-room");
    assert.equal(open(`?room=${"r".repeat(500)}`).room.length, 100);
    assert.equal(open("?room=%E3%85%A4").room, "lobby");
    assert.equal(open("?room=a%07%E2%80%8B%EE%80%80b").room, "ab");
    assert.equal(open("?room=\u{1fae9}\u{1ffff}").room, "\u{1fae9}\u{1ffff}"); // one is newer than some browsers
  });

  it("is one room however its accents are written", () => {
    assert.equal(open("?room=cafe%CC%81").room, "caf\u00e9");
  });
});

describe("the user", () => {
  it("is the same in all tabs and later visits", () => {
    const first = open();
    first.update({ name: " Ada ", room: "general" });
    const second = open();
    assert.equal(second.name, "Ada");
    assert.equal(second.client, first.client);
    assert.match(first.client, UUID);
  });

  it("is another one in a tab with a name in its address, also after a reload", () => {
    const ada = open();
    const bob = open("?name=Bob");
    assert.notEqual(bob.client, ada.client);
    assert.equal(open("?name=Bob").client, bob.client);
    assert.equal(open().name, "");
  });

  it("has another client id for another endpoint", () => {
    assert.notEqual(open("?endpoint=wss://elsewhere.test/prod").client, open().client);
  });

  it("works without a storage", () => {
    const blocked = () => {
      throw new Error("SecurityError");
    };
    const address = "http://127.0.0.1/";
    const guest = new Preferences({ address, endpoint: "/prod", local: blocked, session: blocked });
    guest.update({ name: "Ada", room: "general" });
    assert.match(guest.client, UUID);
    assert.equal(guest.name, "Ada");
  });
});

describe("a token", () => {
  it("may be after the # of the address, which no server sees, and is removed from there, too", () => {
    const first = open("?room=general#token=t.o.k");
    assert.equal(first.token, "t.o.k");
    assert.equal(first.address, "http://127.0.0.1:8080/?room=general");
    assert.equal(open("?room=general").token, "t.o.k");
    assert.equal(open("?token=old#view=wide&token=new").token, "new");
    assert.equal(open("?token=old#view=wide&token=new").address, "http://127.0.0.1:8080/#view=wide");
  });

  it("after the # of an open page is noticed", () => {
    assert.equal(bringsToken("http://127.0.0.1:8080/?room=general#token=t"), true);
    assert.equal(bringsToken("http://127.0.0.1:8080/?token=t#top"), false);
  });

  it("is removed from the address, and stays with the tab", () => {
    const first = open("?room=general&token=t.o.k");
    assert.equal(first.token, "t.o.k");
    first.update({ name: "", room: "news" });
    assert.equal(first.address, "http://127.0.0.1:8080/?room=news");
    assert.equal(open("?room=news").token, "t.o.k");
    assert.deepEqual([...browser.items.values()].filter((value) => value.includes("t.o.k")), []);
  });

  it("is replaced by a newer one", () => {
    open("?token=old");
    assert.equal(open("?token=new").token, "new");
    assert.equal(open().token, "new");
  });

  it("is not sent to another endpoint", () => {
    open("?token=t");
    assert.equal(open("?endpoint=wss://elsewhere.test/prod").token, "");
  });

  it("names the user, so that no other name counts", () => {
    const ada = open("?token=t");
    ada.update({ name: "Ada of the token", room: "general" });
    assert.equal(ada.name, "");
    tab = new FakeStorage();
    assert.equal(open().name, "");
  });

  it("lasts as long as the page if nothing can be stored", () => {
    const blocked = () => {
      throw new Error("SecurityError");
    };
    const address = "http://127.0.0.1/?token=t";
    assert.equal(new Preferences({ address, endpoint: "/prod", local: blocked, session: blocked }).token, "t");
  });
});

it("shows the moderators' tools if the address says so", () => {
  assert.equal(open("?moderator").isModerator, true);
  assert.equal(open().isModerator, false);
});

describe("the page's address", () => {
  it("changes with the room, and keeps everything else", () => {
    const here = open("?endpoint=/dev&name=Ada");
    here.update({ name: "Bob", room: "my room" });
    assert.equal(here.address, "http://127.0.0.1:8080/?endpoint=%2Fdev&name=Bob&room=my-room");
  });

  it("gets no name that was not in it", () => {
    const here = open();
    here.update({ name: "Ada", room: "general" });
    assert.equal(here.address, "http://127.0.0.1:8080/?room=general");
  });
});
