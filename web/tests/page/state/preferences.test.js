import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Device } from "../../../page/state/device.js";
import { bringsToken, Preferences } from "../../../page/state/preferences.js";
import { readSettings } from "../../../page/state/settings.js";
import { blockedStorage, FakeStorage } from "../../support/storage.js";
import { FakeBrowser } from "../../support/page/tabs.js";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

let browser, tab;

beforeEach(() => {
  browser = new FakeStorage();
  tab = new FakeStorage();
});

const open = (query = "", { page = "http://127.0.0.1:8080/", ...written } = {}) => {
  const settings = readSettings({ endpoint: "/prod", ...written });
  return new Preferences({ address: page + query, settings, device: new Device(() => browser), tab: new Device(() => tab) });
};

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

describe("the user", () => {
  it("is the same in all tabs and later visits", () => {
    const first = open();
    let renamed = 0;
    first.addEventListener("rename", () => renamed++);
    for (const name of [" Ada ", "Ada"]) first.rename(name);
    assert.deepEqual([first.name, renamed], ["Ada", 1]);
    const second = open();
    assert.equal(second.name, "Ada");
    assert.equal(second.client, first.client);
    assert.match(first.client, UUID);
  });

  it("is another one in a tab with a name in its address, also after a reload", () => {
    const ada = open();
    const bob = open("?name=Bob");
    assert.notEqual(bob.client, ada.client);
    assert.deepEqual([ada.isShared, bob.isShared], [true, false]);
    assert.equal(open("?name=Bob").client, bob.client);
    assert.equal(open().name, "");
  });

  it("is asked for a name once, unless it has one", () => {
    assert.deepEqual([open().isNew, open("?name=Bob").isNew, open("?token=t").isNew], [true, false, false]);
    tab = new FakeStorage();
    open().meet();
    assert.equal(open().isNew, false);
    browser = new FakeStorage();
    open().rename("Ada");
    assert.equal(open().isNew, false);
  });

  it("gets the name that another tab sets, unless the tab has its own", () => {
    const tabs = new FakeBrowser();
    const visit = (query) => {
      const settings = readSettings({ endpoint: "/prod" });
      return new Preferences({ address: `http://127.0.0.1/${query}`, settings, device: tabs.open(), tab: new Device(() => tab) });
    };
    const [ada, same, bob, token] = ["", "", "?name=Bob", "?token=t"].map(visit);
    let renamed = 0;
    for (const other of [same, bob, token]) other.addEventListener("rename", () => renamed++);
    ada.rename("Ada");
    assert.deepEqual([same.name, bob.name, token.name, renamed], ["Ada", "Bob", "", 1]);
  });

  it("has another client id for another endpoint", () => {
    assert.notEqual(open("?endpoint=wss://elsewhere.test/prod").client, open().client);
  });

  it("has a name for what is kept on the device: its own at each endpoint, and the token's", () => {
    const token = (sub) => `h.${btoa(JSON.stringify({ sub }))}.s`;
    const guest = open("?name=Guest").owner;
    const [ada, bob] = ["ada", "bob"].map((sub) => open(`?token=${token(sub)}`).owner);
    assert.equal(new Set([ada, bob, guest, open("?endpoint=wss://elsewhere.test/prod").owner]).size, 4);
    assert.equal(open(`?token=${token("ada")}`).owner, ada);
  });

  it("works without a storage", () => {
    const address = "http://127.0.0.1/";
    const [settings, storage] = [readSettings({ endpoint: "/prod" }), new Device(blockedStorage)];
    const guest = new Preferences({ address, settings, device: storage, tab: storage });
    guest.rename("Ada");
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
    assert.equal(first.address, "http://127.0.0.1:8080/?room=general");
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

  it("may come from a function of the settings, which asks nobody for another endpoint", () => {
    const token = async () => "t";
    assert.equal(open("", { token }).token, token);
    assert.deepEqual(["", "#token=t"].map((link) => open(link, { token }).tokenFrom), ["site", "link"]);
    tab = new FakeStorage();
    assert.equal(open().tokenFrom, null);
    assert.equal(open("?endpoint=ws://127.0.0.1:8080/prod", { token }).token, token);
    assert.equal(open("?endpoint=wss://elsewhere.test/prod", { token }).token, "");
    assert.equal(open("#token=of-a-link", { token }).token, "of-a-link");
    tab = new FakeStorage();
    open("", { token }).device.set("kept for", "a person who is not known yet");
    assert.deepEqual([tab.items.has("kept for"), browser.items.has("kept for")], [true, false]);
  });

  it("names the user, so that no other name counts", () => {
    const ada = open("?token=t");
    ada.rename("Ada of the token");
    assert.equal(ada.name, "");
    tab = new FakeStorage();
    assert.equal(open().name, "");
  });

  it("lasts as long as the page if nothing can be stored", () => {
    const address = "http://127.0.0.1/?token=t";
    const [settings, storage] = [readSettings({ endpoint: "/prod" }), new Device(blockedStorage)];
    assert.equal(new Preferences({ address, settings, device: storage, tab: storage }).token, "t");
  });
});
