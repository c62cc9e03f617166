import { Page } from "./page.js";
import { bringsToken, Preferences } from "./preferences.js";
import { Roomcast } from "../roomcast.js";
import { RoomModel } from "./room-model.js";

const page = new Page();
const preferences = new Preferences({
  address: location.href,
  endpoint: page.endpoint,
  local: () => localStorage,
  session: () => sessionStorage,
});
history.replaceState(null, "", preferences.address);
// A browser loads nothing for an address that differs only after its "#".
addEventListener("hashchange", () => bringsToken(location.href) && location.reload());
const { endpoint, name, client, token } = preferences;
const chat = new Roomcast(endpoint, { name, client, token });
chat.addEventListener("state", ({ detail: { state } }) => page.showState(state, preferences));
chat.addEventListener("error", ({ detail }) => console.warn("roomcast", detail));
/** @type {Map<string, RoomModel>} by room: the one on the screen, and those with messages still to be sent */
const models = new Map();
let current = open(preferences.room);

/** @param {string} room @returns {RoomModel} */
function open(room) {
  const model = new RoomModel(chat, room);
  models.set(room, model);
  model.addEventListener("change", (/** @type {any} */ { detail: newMessages }) => {
    if (model !== current) return;
    if (page.isAtEnd) current.trim();
    page.showRoom(current, { newMessages });
  });
  model.addEventListener("left", () => models.delete(room));
  return model;
}

/** Show the room that the preferences name. */
function enterRoom() {
  history.replaceState(null, "", preferences.address);
  if (chat.state === "closed") return location.reload();
  if (current.room !== preferences.room || current.absence) current.leave();
  current = models.get(preferences.room) ?? open(preferences.room);
  current.cancelLeave();
  page.showPreferences(preferences);
  page.showRoom(current, { follow: true });
}

page.addEventListener("write", (/** @type {any} */ { detail: text }) => write(text));
page.addEventListener("retry", (/** @type {any} */ { detail: { id, text } }) => write(text, id));
page.addEventListener("typing", () => current.sendTyping());
page.addEventListener("reply", (/** @type {any} */ { detail: message }) => answer(message.seq));
page.addEventListener("cancel", () => answer(0));
page.addEventListener("edit", (/** @type {any} */ { detail: { message, text } }) => current.edit(message, text));
page.addEventListener("delete", (/** @type {any} */ { detail: message }) => current.delete(message));
page.addEventListener("react", (/** @type {any} */ { detail: { message, reaction } }) => current.react(message, reaction));
page.addEventListener("moderate", (/** @type {any} */ { detail: { action, message } }) => {
  current.moderate(action, message);
});
page.addEventListener("earlier", () => current.loadEarlier());
page.addEventListener("enter", enterRoom);
page.addEventListener("change", (/** @type {any} */ { detail: changes }) => {
  const { name } = preferences;
  preferences.update(changes);
  if (preferences.name !== name) chat.rename(preferences.name);
  enterRoom();
});

/** @param {string} text @param {string} [id] - of a failed message, to send it again */
function write(text, id) {
  current.write(text, id);
  page.showRoom(current, { follow: true });
}

/** @param {number} seq - of the message that the next one answers; 0: none */
function answer(seq) {
  current.answer(seq);
  page.showRoom(current);
}

enterRoom();
