import { beforeEach } from "node:test";

import { Client } from "./client-fixture.js";
import { ScriptedServer } from "./server/server.js";
import { FakeTime } from "./time.js";

/** Made again for each test. */
export let time, server, client, chat;

beforeEach(() => {
  time = new FakeTime();
  server = new ScriptedServer(time);
  client = new Client(server, { client: "ada", name: "Ada" });
  ({ chat } = client);
});

/** Say something in a room, later than all before. */
export async function say(room, message = room) {
  await time.pass(10);
  return server.say(room, message);
}
export const looks = (...fields) => chat.rooms().list.map((place) => [place.room, ...fields.map((field) => place[field])]);
export const subscribe = (...rooms) => rooms.forEach((room) => server.subscriptions.add("ada", room));
