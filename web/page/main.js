import { Conversation } from "./room-model.js";
import { Page } from "./page.js";
import { Roomcast } from "../roomcast.js";
import { Visit } from "./preferences.js";

const page = new Page();
const visit = new Visit({
  address: location.href,
  endpoint: page.endpoint,
  local: () => localStorage,
  session: () => sessionStorage,
});
history.replaceState(null, "", visit.address);
const { endpoint, name, client, token } = visit;
const chat = new Roomcast(endpoint, { name, client, token });
chat.addEventListener("state", ({ detail: { state } }) => page.showState(state, visit));
/** @type {Map<string, Conversation>} by room: the one on the screen, and any in which something is still to be sent */
const conversations = new Map();
let here = open(visit.room);

/** @param {string} room @returns {Conversation} */
function open(room) {
  const conversation = new Conversation(chat, room);
  conversations.set(room, conversation);
  conversation.addEventListener("change", (/** @type {any} */ { detail: fresh }) => {
    if (conversation !== here) return;
    if (page.isAtEnd) here.forget();
    page.showConversation(here, { fresh });
  });
  conversation.addEventListener("over", () => conversations.delete(room));
  return conversation;
}

/** Shows the room that one is in now. */
function enter() {
  history.replaceState(null, "", visit.address);
  if (chat.state === "closed") return location.reload();
  if (here.room !== visit.room || here.outside) here.leave();
  here = conversations.get(visit.room) ?? open(visit.room);
  here.stay();
  page.showVisit(visit);
  page.showConversation(here, { follow: true });
}

page.addEventListener("write", (/** @type {any} */ { detail: text }) => write(text));
page.addEventListener("again", (/** @type {any} */ { detail: { id, text } }) => write(text, id));
page.addEventListener("typing", () => here.typing());
page.addEventListener("moderate", (/** @type {any} */ { detail: { act, message } }) => here.moderate(act, message));
page.addEventListener("earlier", () => here.loadEarlier());
page.addEventListener("enter", enter);
page.addEventListener("move", (/** @type {any} */ { detail: to }) => {
  const { name } = visit;
  visit.move(to);
  if (visit.name !== name) chat.rename(visit.name);
  enter();
});

/** @param {string} text @param {string} [id] - of a message that was refused */
function write(text, id) {
  here.write(text, id);
  page.showConversation(here, { follow: true });
}

enter();
