import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Visit } from "../../page/preferences.js";
import { FakeStorage } from "../support/fakes.js";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

let browser, tab;

beforeEach(() => {
  browser = new FakeStorage();
  tab = new FakeStorage();
});

const visit = (query = "", { page = "http://127.0.0.1:8080/", endpoint = "/prod" } = {}) =>
  new Visit({ address: page + query, endpoint, local: () => browser, session: () => tab });

describe("where to connect", () => {
  it("is a path on the page's own host, by the page's own scheme", () => {
    assert.equal(visit().endpoint, "ws://127.0.0.1:8080/prod");
    assert.equal(visit("", { page: "https://chat.test/web/" }).endpoint, "wss://chat.test/prod");
  });

  it("is a full address when the page gives one, with its own query kept", () => {
    const endpoint = "wss://abc.test/prod?token=t";
    assert.equal(visit("", { endpoint }).endpoint, endpoint);
  });

  it("can be overridden in the page's address", () => {
    assert.equal(visit("?endpoint=ws://other.test:9/dev").endpoint, "ws://other.test:9/dev");
  });
});

describe("the room", () => {
  it("is the lobby unless the address names another", () => {
    assert.equal(visit().room, "lobby");
    assert.equal(visit("?room=").room, "lobby");
    assert.equal(visit("?room=general").room, "general");
  });

  it("is made into a name that the server takes", () => {
    assert.equal(visit("?room=%20my%20%20room ").room, "my-room");
    assert.equal(visit(`?room=${"r".repeat(500)}`).room.length, 100);
  });
});

describe("who is here", () => {
  it("is one person over all tabs and visits", () => {
    const first = visit();
    first.move({ name: " Ada ", room: "general" });
    const second = visit();
    assert.equal(second.name, "Ada");
    assert.equal(second.client, first.client);
    assert.match(first.client, UUID);
  });

  it("is another person in a tab whose address gives a name, and stays that over a reload", () => {
    const ada = visit();
    const bob = visit("?name=Bob");
    assert.notEqual(bob.client, ada.client);
    assert.equal(visit("?name=Bob").client, bob.client);
    assert.equal(visit().name, "");
  });

  it("is another client for another endpoint, which must not learn this one", () => {
    assert.notEqual(visit("?endpoint=wss://elsewhere.test/prod").client, visit().client);
  });

  it("works without a memory", () => {
    const blocked = () => {
      throw new Error("SecurityError");
    };
    const guest = new Visit({ address: "http://127.0.0.1/", endpoint: "/prod", local: blocked, session: blocked });
    guest.move({ name: "Ada", room: "general" });
    assert.match(guest.client, UUID);
    assert.equal(guest.name, "Ada");
  });
});

describe("a token", () => {
  it("is taken out of the address, and stays with the tab", () => {
    const first = visit("?room=general&token=t.o.k");
    assert.equal(first.token, "t.o.k");
    first.move({ name: "", room: "news" });
    assert.equal(first.address, "http://127.0.0.1:8080/?room=news");
    assert.equal(visit("?room=news").token, "t.o.k");
    assert.deepEqual([...browser.items.values()].filter((value) => value.includes("t.o.k")), []);
  });

  it("gives way to a newer one", () => {
    visit("?token=old");
    assert.equal(visit("?token=new").token, "new");
    assert.equal(visit().token, "new");
  });

  it("is not for another endpoint", () => {
    visit("?token=t");
    assert.equal(visit("?endpoint=wss://elsewhere.test/prod").token, "");
  });

  it("says how one is called, so that no other name counts", () => {
    const ada = visit("?token=t");
    ada.move({ name: "Ada of the token", room: "general" });
    assert.equal(ada.name, "");
    tab = new FakeStorage();
    assert.equal(visit().name, "");
  });

  it("is for this visit alone where nothing can be kept", () => {
    const blocked = () => {
      throw new Error("SecurityError");
    };
    const address = "http://127.0.0.1/?token=t";
    assert.equal(new Visit({ address, endpoint: "/prod", local: blocked, session: blocked }).token, "t");
  });
});

it("offers a moderator's tools to whom the address says so", () => {
  assert.equal(visit("?moderator").moderates, true);
  assert.equal(visit().moderates, false);
});

describe("the page's own address", () => {
  it("follows to another room, and keeps everything else", () => {
    const here = visit("?endpoint=/dev&name=Ada");
    here.move({ name: "Bob", room: "my room" });
    assert.equal(here.address, "http://127.0.0.1:8080/?endpoint=%2Fdev&name=Bob&room=my-room");
  });

  it("does not show a name that it was not given", () => {
    const here = visit();
    here.move({ name: "Ada", room: "general" });
    assert.equal(here.address, "http://127.0.0.1:8080/?room=general");
  });
});
