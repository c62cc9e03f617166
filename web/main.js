import { Page } from "./page.js";
import { randomId } from "./random-id.js";
import { ChatSocket } from "./socket.js";
import { Timeline } from "./timeline.js";
import { Visit } from "./visit.js";

const page = new Page();
const socket = new ChatSocket();
const visit = new Visit({
  address: location.href,
  endpoint: page.endpoint,
  local: () => localStorage,
  session: () => sessionStorage,
});
let timeline = new Timeline();

/** @param {string} ref @param {string} text */
function post(ref, text) {
  const { room, name } = visit;
  const here = timeline; // Another room may be on show when the answer comes.
  const refresh = () => here === timeline && page.showMessages(here.entries);
  here.write({ ref, name, text, at: new Date().toISOString() });
  page.showMessages(here.entries, { follow: true });
  socket
    .send(room, text, ref)
    .then((ack) => here.acknowledge(ack), (refusal) => here.refuse(ref, refusal.code))
    .then(refresh);
}

function enter() {
  timeline = new Timeline();
  page.showMessages(timeline.entries);
  arrive();
}

function arrive() {
  page.showVisit(visit);
  history.replaceState(null, "", visit.address);
  socket.open(visit.url);
}

page.addEventListener("write", (/** @type {any} */ { detail: text }) => post(randomId(), text));
page.addEventListener("again", (/** @type {any} */ { detail: { id, text } }) => post(id, text));
page.addEventListener("move", (/** @type {any} */ { detail: to }) => {
  const { room } = visit;
  visit.move(to);
  if (visit.room === room) arrive();
  else enter();
});

socket.addEventListener("state", (/** @type {any} */ { detail: state }) => page.showState(state));
socket.addEventListener("messages", (/** @type {any} */ { detail: { room, messages } }) => {
  if (room !== visit.room) return;
  const fresh = timeline.receive(messages);
  page.showMessages(timeline.entries, { fresh });
});

// A laptop that wakes, or a phone that finds a network, should not sit out the rest of a long pause.
window.addEventListener("online", () => socket.retry());
document.addEventListener("visibilitychange", () => document.hidden || socket.retry());

enter();
