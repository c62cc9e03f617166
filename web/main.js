import { Conversation } from "./conversation.js";
import { Page } from "./page.js";
import { Roomcast } from "./roomcast.js";
import { Visit } from "./visit.js";

const page = new Page();
const visit = new Visit({
  address: location.href,
  endpoint: page.endpoint,
  local: () => localStorage,
  session: () => sessionStorage,
});
/** @type {Map<string, Conversation>} by room: the one on the screen, and any in which something is still to be sent */
const conversations = new Map();
let chat = connect();
let here = open(visit.room);

function connect() {
  const { endpoint, name, client } = visit;
  const chat = new Roomcast(endpoint, { name, client });
  chat.addEventListener("state", ({ detail: { state } }) => page.showState(state));
  return chat;
}

/** @param {string} room @returns {Conversation} */
function open(room) {
  const conversation = new Conversation(chat, room, visit);
  conversations.set(room, conversation);
  conversation.addEventListener("change", (/** @type {any} */ { detail: fresh }) => {
    if (conversation !== here) return;
    if (page.isAtEnd) here.forget();
    page.showConversation(here, { fresh });
  });
  conversation.addEventListener("over", () => conversations.delete(room));
  return conversation;
}

/** A name belongs to a connection, so a new name needs a new one. What is still to be sent goes along. */
function reconnect() {
  const unsent = [...conversations].map(([room, { pending }]) => ({ room, pending }));
  conversations.clear();
  chat.close();
  chat = connect();
  for (const { room, pending } of unsent) {
    const conversation = open(room);
    for (const { id, message } of pending) conversation.write(message, id);
    if (room === here.room) here = conversation;
    else conversation.leave();
  }
}

/** Shows the room that one is in now. */
function enter() {
  const before = here;
  here = conversations.get(visit.room) ?? open(visit.room);
  here.stay();
  if (here !== before) before.leave();
  page.showVisit(visit);
  page.showConversation(here, { follow: true });
  history.replaceState(null, "", visit.address);
}

page.addEventListener("write", (/** @type {any} */ { detail: text }) => write(text));
page.addEventListener("again", (/** @type {any} */ { detail: { id, text } }) => write(text, id));
page.addEventListener("earlier", () => here.loadEarlier());
page.addEventListener("move", (/** @type {any} */ { detail: to }) => {
  const { name } = visit;
  visit.move(to);
  if (visit.name !== name || chat.state === "closed") reconnect();
  enter();
});

/** @param {string} text @param {string} [id] - of a message that was refused */
function write(text, id) {
  here.write(text, id);
  page.showConversation(here, { follow: true });
}

enter();
