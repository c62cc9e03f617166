import { copy, say } from "./views/feedback.js";
import { Frame } from "./views/frame.js";
import { Page } from "./views/page.js";
import { Device } from "./state/device.js";
import { Drafts } from "./state/drafts.js";
import { bringsToken, Preferences } from "./state/preferences.js";
import { Going } from "./going.js";
import { Late, loadLateParts, whenIdle, whenMissing } from "./late.js";
import { ChatRooms } from "./state/rooms/chat-rooms.js";
import { Directory } from "./state/rooms/directory.js";
import { Place } from "./state/place.js";
import { readSettings } from "./state/settings.js";
import { Roomcast } from "../roomcast.js";
import { RoomMemory } from "./state/rooms/room-memory.js";
import { unsentStorage } from "./state/unsent.js";
import { byName } from "./text/names.js";
import { meantRoom } from "./text/room-name.js";
import { tokenRooms } from "./text/token-rooms.js";
import { NOT_LOADED } from "./words/going.js";
import { settings as written } from "../settings.js";

/** Milliseconds. */
const SECOND = 1000;

const settings = readSettings(written);
const frame = new Frame();
const page = new Page(settings);
const preferences = new Preferences({
  address: location.href,
  settings,
  device: new Device(() => localStorage, window),
  tab: new Device(() => sessionStorage),
});
const drafts = new Drafts(preferences.device, preferences.owner);
const answers = new Drafts(preferences.device, preferences.owner, { kind: "answer" }); // in threads
const place = new Place(preferences.address, settings.rooms[0], { history, window, location });
// A browser loads nothing for an address that differs only after its "#".
addEventListener("hashchange", () => bringsToken(location.href) && location.reload());
const { endpoint, name, client, token } = preferences;
const unsent = unsentStorage({ ...preferences, local: () => localStorage, locks: navigator.locks });
const chat = new Roomcast(endpoint, { name, client, token, ...unsent });
chat.addEventListener("error", ({ detail }) => console.warn("roomcast", detail));
const rooms = new ChatRooms(chat, new RoomMemory(preferences.device, preferences.owner));
rooms.addEventListener("change", draw);
const named = [...settings.rooms, ...tokenRooms(typeof token === "string" ? token : "")];
const directory = new Directory(chat, { ...preferences, drafts, named });
directory.addEventListener("change", drawRooms);
if (token) directory.watchInbox(); // Without tokens nobody may write to an inbox.
chat.addEventListener("state", ({ detail: { state } }) => {
  page.showState(state);
  draw();
  if (state === "open" && isRestAsked) loadLateParts(); // What could not be loaded, such as without a network.
});

const enter = (/** @type {string} */ room) => go({ room });
const list = () => directory.sections.flatMap(({ lines }) => lines);
const telling = new Late(async () => new (await import("./telling.js")).Telling({ chat, rooms, person: preferences, enter }));
const finding = new Late(async () => {
  // Without what is told there is less to choose.
  const [{ Finding }] = await Promise.all([import("./finding.js"), telling.get().catch(() => {})]);
  const goTo = (/** @type {number} */ seq) => going.goTo(seq);
  return new Finding({ page, rooms, list, enter, goTo, copyLink, choices: (room) => telling.part?.choices(room) ?? [] });
});
const going = new Going({ page, rooms, place, list, enter, finding });
whenMissing((error) => {
  console.warn("roomcast", error);
  say(NOT_LOADED);
});
new Late(async () => (await import("./views/service-worker.js")).keepFiles()); // Nobody waits for it.
let isRestAsked = false;

/** Show what is known of the room, in the next frame. */
function draw() {
  frame.ask(page, () => {
    if (page.isAtEnd) rooms.open.trim();
    page.showRoom(rooms.open, () => rooms.known);
    page.showSelf(self());
    showTrouble();
    if (rooms.open.history.earlier !== "joining") loadRest();
  });
}

/** The first messages are there: load the late parts of the page. One of them keeps all files for when there is no network. */
function loadRest() {
  if (isRestAsked) return;
  isRestAsked = true;
  whenIdle(loadLateParts);
}

/** Who the user is, as the side bar shows it. */
function self() {
  const { user = "", name = "" } = rooms.open; // as the server has them
  const isFixed = Boolean(token);
  return { user, name: isFixed ? name : preferences.name, isFixed, guest: name || "Guest", isNew: preferences.isNew && name !== "" };
}

/** Show the rooms that are known, in the next frame. */
function drawRooms() {
  frame.ask(directory, () => page.showRooms(directory.sections, (room) => place.linkTo(room), enterable));
}

/** The rooms that are known by name, and are not somebody's inbox. */
const enterable = () => [...new Set([...directory.known, ...rooms.known])].filter((room) => !room.startsWith("@")).sort(byName);

/** @param {{room?: string, pane?: string}} target */
function go(target) {
  place.go(target);
  enterRoom();
}

/** Show the room of this place. */
function enterRoom() {
  if (chat.state === "closed") return location.reload();
  rooms.enter(place.room);
  directory.enter(place.room);
  for (const room of directory.muted) rooms.park(room); // Their messages need not come.
  page.showPlace({ ...preferences, room: place.room, isList: place.pane === "rooms" });
  showDraft();
  going.onRoom();
  draw();
}

/** Show what was begun in this room, and in no other. */
function showDraft() {
  const { text, replyTo } = drafts.of(rooms.open.room);
  page.showDraft(text);
  rooms.open.answer(replyTo);
}

/** Where what is begun in a thread is kept. @param {number} root - the seq of its first message */
const threadOf = (root) => `${rooms.open.room} ${root}`;

function flushDrafts() {
  for (const begun of [drafts, answers]) begun.flush();
}

/** @param {string} text - that was begun */
function keepDraft(text) {
  drafts.set(rooms.open.room, { text, replyTo: rooms.open.answered?.seq ?? 0 });
}

page.addEventListener("write", (/** @type {any} */ { detail: written }) => {
  drafts.clear(rooms.open.room);
  showEnd();
  rooms.open.send(written);
});
page.addEventListener("answer", (/** @type {any} */ { detail: { text, picked, replyTo } }) => {
  answers.clear(threadOf(replyTo));
  const before = rooms.open.answered?.seq ?? 0;
  rooms.open.answer(replyTo);
  rooms.open.write(text, undefined, picked);
  rooms.open.answer(before);
});
page.addEventListener("begin", (/** @type {any} */ { detail: { text, root } }) => answers.set(threadOf(root), { text, replyTo: 0 }));
page.addEventListener("take-back", () => giveBack(rooms.open.acts.takeBack()));
page.addEventListener("retry", () => chat.retry());
page.addEventListener("draft", (/** @type {any} */ { detail: text }) => keepDraft(text));
drafts.addEventListener("change", (/** @type {any} */ { detail: room }) => room === rooms.open.room && showDraft());
answers.addEventListener("change", (/** @type {any} */ { detail: thread }) => {
  if (page.thread && thread === threadOf(page.thread)) page.showBegun(answers.of(thread).text);
});
// The next tab may have the field at once, and a hidden one's timers are slow. A phone may end it without a word.
document.addEventListener("visibilitychange", () => document.hidden && flushDrafts());
addEventListener("pagehide", () => {
  flushDrafts();
  rooms.open.acts.finish();
  rooms.keep();
  directory.keep();
});
// Where nothing can be kept, the browser asks whether to leave what waits.
addEventListener("beforeunload", (event) => rooms.isSending && !preferences.device.isLasting && event.preventDefault());
page.addEventListener("typing", () => rooms.open.sendTyping());
page.addEventListener("cancel", () => answer(0));
page.addEventListener("action", (/** @type {any} */ { detail }) => act(detail));
page.addEventListener("seen", (/** @type {any} */ { detail: seq }) => directory.read(seq));
page.addEventListener("earlier", () => rooms.open.history.loadEarlier());
page.addEventListener("later", () => rooms.open.history.loadLater());
page.addEventListener("found", () => rooms.open.history.found());
page.addEventListener("find", (/** @type {any} */ { detail: seq }) => going.goTo(seq));
page.addEventListener("newest", () => {
  showEnd();
  draw();
});
page.addEventListener("look", (/** @type {any} */ { detail: seq }) => rooms.open.reading.look(seq));
page.addEventListener("attention", (/** @type {any} */ { detail: isHere }) => {
  if (isHere) rooms.open.reading.comeBack();
  else rooms.open.reading.goAway();
});
page.addEventListener("dismiss", () => rooms.open.reading.dismiss());
page.addEventListener("day", draw);
page.addEventListener("enter", enterRoom);
page.addEventListener("rename", (/** @type {any} */ { detail: name }) => preferences.rename(name));
preferences.addEventListener("rename", () => {
  place.rename(preferences.name);
  chat.rename(preferences.name);
  draw();
});
page.addEventListener("met", () => {
  preferences.meet();
  draw();
});
page.addEventListener("copy", (/** @type {any} */ { detail: room }) => copy(place.linkTo(room ?? place.room)));
page.addEventListener("go", (/** @type {any} */ { detail: typed }) => go({ room: meantRoom(typed, directory.known) || place.room }));
page.addEventListener("screen", (/** @type {any} */ { detail: screen }) => go({ pane: screen === "rooms" ? "rooms" : "" }));
page.addEventListener("star", (/** @type {any} */ { detail: { room, on } }) => directory.star(room, on));
page.addEventListener("mute", async (/** @type {any} */ { detail: { room, on } }) => {
  await directory.mute(room, on);
  if (on) rooms.park(room);
});
page.addEventListener("unfollow", async (/** @type {any} */ { detail: room }) => {
  await directory.unfollow(room);
  rooms.park(room);
});
place.addEventListener("change", enterRoom);

/** Do what the user does with a message. @param {any} detail - of the page's event `action` */
function act({ action, message, ...needs }) {
  if (action === "reply") {
    answer(message.seq);
    page.compose();
  } else if (action === "amend") {
    rooms.open.acts.discard(message);
    giveBack(message);
  } else if (action === "thread") {
    const root = message.root || message.seq;
    page.openThread(root, answers.of(threadOf(root)).text);
    draw();
  } else if (action === "retry") {
    showEnd();
    rooms.open.write(message.text, message.id);
  } else if (action === "link") copyLink(message.seq);
  else if (action === "moderate") rooms.open.moderation.act(needs.moderation);
  else rooms.open.acts.do({ action, message, ...needs });
}

/** Copy the address of the open room, or of a message in it. @param {number} [seq] */
function copyLink(seq) {
  copy(place.linkTo(place.room, seq));
}

/** Put a text back into the field, before what was begun there. @param {{text: string, replyTo: number} | null} message */
function giveBack(message) {
  if (!message) return;
  const { text, replyTo } = drafts.of(rooms.open.room);
  const both = text ? `${message.text}\n\n${text}` : message.text;
  drafts.set(rooms.open.room, { text: both, replyTo: replyTo || message.replyTo });
  showDraft();
  page.compose();
}

/** Show the newest messages, with the next drawing. */
function showEnd() {
  rooms.open.history.goToEnd();
  page.follow();
}

/** @param {number} seq - of the message that the next one answers; 0: none */
function answer(seq) {
  rooms.open.answer(seq);
  drafts.set(rooms.open.room, { ...drafts.of(rooms.open.room), replyTo: seq });
}

/** Tell about the connection, and when it will be tried again. */
function showTrouble() {
  const { state, nextAttemptIn } = chat;
  const { tokenFrom } = preferences;
  page.showTrouble({ state, nextAttemptIn, tokenFrom, waiting: rooms.open.pending.length });
}

setInterval(() => {
  if (chat.state !== "open") showTrouble();
  if (rooms.open.absentUntil) draw(); // It counts down.
}, SECOND);
enterRoom();
