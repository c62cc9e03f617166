import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Place } from "../../../page/state/place.js";
import { FakeHistory } from "../../support/page/history.js";

const PAGE = "http://127.0.0.1:8080/";

function open(query = "") {
  const browser = new FakeHistory(PAGE + query);
  const { history, window } = browser;
  const location = { get href() { return browser.location.href; } };
  return { browser, place: new Place(PAGE + query, "lobby", { history, window, location }) };
}
const where = ({ room, at, pane }) => [room, at, pane];

describe("the place", () => {
  it("is the lobby unless the address names another", () => {
    for (const query of ["", "?room=", "?room=%E3%85%A4", "?room=%23"]) assert.equal(open(query).place.room, "lobby");
    assert.equal(open("?room=%23general").place.room, "general");
    assert.deepEqual(where(open("?room=general&at=4711&pane=rooms").place), ["general", 4711, "rooms"]);
    for (const at of ["-1", "1.5", "x", "1e99"]) assert.equal(open(`?at=${at}`).place.at, 0);
  });

  it("is in the address, beside everything else there", () => {
    const { place, browser } = open("?endpoint=/dev&name=Ada");
    place.go({ room: "general", at: 7 });
    assert.equal(browser.location.href, `${PAGE}?endpoint=%2Fdev&name=Ada&room=general&at=7`);
    place.go({ room: "random" });
    assert.equal(browser.location.href, `${PAGE}?endpoint=%2Fdev&name=Ada&room=random`);
  });

  it("follows Back and Forward, which tell", () => {
    const { place, browser } = open("?room=alpha");
    const told = [];
    place.addEventListener("change", () => told.push(where(place)));
    place.go({ room: "beta", at: 3 });
    place.go({ pane: "rooms" });
    for (const steps of [-1, -1, 1]) browser.go(steps);
    assert.deepEqual(told, [["beta", 3, ""], ["alpha", 0, ""], ["beta", 3, ""]]);
  });

  it("is no other one where one is already: Back leads to the place before", () => {
    const { place, browser } = open("?room=alpha");
    place.go({ room: "beta" });
    place.go({ room: "beta" });
    browser.go(-1);
    assert.equal(place.room, "alpha");
  });

  it("leaves an address alone that was typed after its #: it may bring a token", () => {
    const { browser } = open("?room=alpha");
    browser.type(`${PAGE}?room=alpha#token=t`);
    assert.equal(browser.location.href, `${PAGE}?room=alpha#token=t`);
  });

  it("keeps a new name in the address on the way back, if the address has one", () => {
    const { place, browser } = open("?name=Ada&room=alpha");
    place.go({ room: "beta" });
    place.rename("Lovelace");
    browser.go(-1);
    assert.equal(browser.location.href, `${PAGE}?name=Lovelace&room=alpha`);
    const other = open("?room=alpha");
    other.place.rename("Ada");
    assert.equal(other.browser.location.href, `${PAGE}?room=alpha`);
  });

  it("has a link for others, which tells nothing of this reader", () => {
    const { place } = open("?endpoint=/dev&name=Ada&moderator&room=alpha&at=3&pane=rooms#x");
    assert.equal(place.linkTo(), `${PAGE}?endpoint=%2Fdev&room=alpha`);
    assert.equal(place.linkTo("beta", 9), `${PAGE}?endpoint=%2Fdev&room=beta&at=9`);
  });
});
