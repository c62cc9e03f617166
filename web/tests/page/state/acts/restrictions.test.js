import assert from "node:assert/strict";
import { beforeEach, it } from "node:test";

import { Restrictions } from "../../../../page/state/acts/restrictions.js";

let room, restrictions;
const moderate = (detail) => room.dispatchEvent(new CustomEvent("moderated", { detail }));
const inForce = () => restrictions.inForce.map(({ name, mutedUntil, bannedUntil }) => [name, !!mutedUntil, !!bannedUntil]);

beforeEach(() => {
  room = new EventTarget();
  restrictions = new Restrictions(room, (user) => user.toUpperCase());
});

it("knows who is muted and banned, until that is ended", () => {
  moderate({ action: "mute", user: "bob", expiresIn: 600 });
  moderate({ action: "ban", user: "bob", expiresIn: 60 });
  moderate({ action: "mute", user: "cy", expiresIn: 600 });
  moderate({ action: "slow_mode", seconds: 30 });
  assert.deepEqual(inForce(), [["BOB", true, true], ["CY", true, false]]);
  moderate({ action: "mute", user: "bob", expiresIn: 0 });
  moderate({ action: "mute", user: "cy", expiresIn: 0 });
  assert.deepEqual(inForce(), [["BOB", false, true]]);
});

it("knows no more of what is over by now", () => {
  moderate({ action: "mute", user: "bob", expiresIn: -1 });
  assert.deepEqual(inForce(), []);
  moderate({ action: "mute", user: "bob", expiresIn: 0.001 });
  const later = Date.now() + 5;
  while (Date.now() < later);
  assert.deepEqual(inForce(), []);
});
