import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const web = fileURLToPath(new URL("..", import.meta.url));
const tsc = join(web, "../node_modules/.bin/tsc");

const CONSUMER = `
import { randomId, Roomcast, RoomcastError } from "roomcast-client";
import type { ListedRoom, Message, Moderated, Person, Presence, Room, RoomcastOptions, RoomList } from "roomcast-client";

const options: RoomcastOptions = { name: "Ada", client: randomId(), token: async ({ fresh }) => (fresh ? "new" : "kept") };
const chat = new Roomcast("wss://chat.test/prod", { ...options, WebSocket });
chat.addEventListener("state", ({ detail: { state, code } }) => console.log(state === "open", code?.length));
const room: Room = await chat.join("general", { history: 20 });
room.addEventListener("message", ({ detail }) => show(detail));
room.addEventListener("lost", { handleEvent: ({ detail }) => console.log(detail.to - detail.from) }, { once: true });
const { seq }: { seq: number } = await room.send("Hi", { data: { mood: "good" } });
const { messages, more, before } = await room.history({ before: seq });
const show = ({ seq, name, message, data }: Message) => [seq + messages.length, name.trim(), message, data, more];
console.log(new RoomcastError("closed").retryAfter?.toFixed(), room.pending.map(({ id }) => id.length));
room.addEventListener("ready", ({ detail }) => console.log(detail.more ? before : room.me?.name ?? room.user));
room.addEventListener("changed", ({ detail }) => console.log(detail.deleted === true));
room.addEventListener("reactions", ({ detail: { reactions = [] } }) => console.log(reactions[0]?.people[0]?.name));
const { of = 0 } = await room.edit(1, "Hello", { data: 7 });
await Promise.all([room.react(of, "👍"), room.react("ref", "👍", false), room.delete("ref")]);
for await (const { reaction, name } of room.reactions(1)) console.log(reaction, name);
console.log(room.pendingChanges.map(({ action, ref, seq }) => [action, ref, seq]));
room.addEventListener("presence", ({ detail: { joined, left, members } }) => names([...joined, ...left], members));
room.addEventListener("typing", ({ detail }) => names(detail, room.members));
room.addEventListener("moderated", ({ detail }: CustomEvent<Moderated>) => console.log(detail.action, detail.seconds));
room.addEventListener("delayed", ({ detail }) => console.log(detail.retryAfter.toFixed()));
const names = (people: Person[], members: ReadonlyMap<string, Person> | null) => [people[0]?.name, members?.size];
const { count, approximate }: Presence = await room.presence();
const { until } = await room.ban("u", approximate ? count : 60);
await Promise.all([room.mute("u", 60), room.delete(1), room.setSlowMode(0), room.lock(), room.lock(false)]);
chat.rename(until);
await Promise.all([room.subscribe({ muted: true }), room.read(2), room.unsubscribe(), room.send("Hi", { mentions: ["u"] })]);
room.addEventListener("read", ({ detail }) => console.log(detail.user, detail.seq + 1));
const rooms: RoomList = chat.rooms();
rooms.addEventListener("changed", ({ detail: { list } }) => showRooms(list));
const showRooms = (list: readonly ListedRoom[]) => [list[0]?.unread.toFixed(), list[0]?.newest?.message, rooms.isComplete];
const inbox: Room = await chat.inbox;
showRooms(rooms.list).push(inbox.name, ...chat.joined.map(({ name }) => name));
room.typing();

// @ts-expect-error: there is no such event
room.addEventListener("massage", () => {});
// @ts-expect-error: a message is text
room.send(7);
`;

describe("the package", () => {
  let folder;
  const run = (command, ...args) => execFileSync(command, args, { cwd: folder, encoding: "utf8", stdio: "pipe" });

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "roomcast-client-"));
    const installed = join(folder, "node_modules/roomcast-client");
    mkdirSync(installed, { recursive: true });
    execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: web, stdio: "pipe" });
    const [tarball] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
    assert.equal(tarball, "roomcast-client-0.1.0.tgz");
    run("tar", "-xzf", tarball, "-C", installed, "--strip-components=1");
  });

  after(() => rmSync(folder, { recursive: true }));

  it("holds the library and its types, and no file of the page", () => {
    const files = readdirSync(join(folder, "node_modules/roomcast-client")).sort();
    assert.deepEqual(files, ["LICENSE", "README.md", "package.json", "roomcast", "roomcast.js", "types"]);
  });

  it("can be imported in Node.js", () => {
    const script = `
      import { RoomcastError, Roomcast } from "roomcast-client";
      const chat = new Roomcast("wss://chat.test", { WebSocket: class {} });
      console.log(chat.state, chat.joined.length, new RoomcastError("left").code);`;
    assert.equal(run(process.execPath, "--input-type=module", "--eval", script), "idle 0 left\n");
  });

  it("has types for strict TypeScript", () => {
    writeFileSync(join(folder, "consumer.mts"), CONSUMER);
    run(tsc, "--noEmit", "--strict", "--target", "es2023", "--module", "nodenext", "--types", "", "consumer.mts");
  });
});
