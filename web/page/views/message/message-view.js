import { find, setText } from "../dom.js";
import { explainFailure, isFinal } from "../../words/messages/errors.js";
import { closeEditor } from "./message-editor.js";
import { drawReactions } from "./reactions-view.js";
import { drawText } from "./rich-text.js";
import { foldText } from "./fold.js";
import { initial } from "../../text/initial.js";
import { DELETED, DELETED_NOW, quotedText } from "../../words/messages/quote.js";
import { deliveryText } from "../../words/messages/delivery.js";
import { threadText } from "../../words/messages/thread.js";
import { clockTime, wholeTime } from "../../words/time.js";

/**
 * @typedef {import("../../state/room/days.js").Item} Item
 * @typedef {import("../../state/room/timeline.js").MessageEntry} MessageEntry
 * @typedef {import("../../state/room/room-people.js").Member} Member
 */

/** Milliseconds. Messages of one user within this time form a block under one name. */
const BLOCK = 5 * 60_000;
const HUES = 12;

const templates = {
  message: find("#message", HTMLTemplateElement),
  note: find("#note", HTMLTemplateElement),
  day: find("#day-divider", HTMLTemplateElement),
  new: find("#new-divider", HTMLTemplateElement),
  person: find("#person", HTMLTemplateElement),
  failure: find("#failure", HTMLTemplateElement),
};

/** The names in the room on the screen. @type {import("../../state/room/names.js").Names | undefined} */
let names;
let namesVersion = 0;

/** @param {import("../../state/room/names.js").Names} known @returns {boolean} true if entries have to be drawn again */
export function useNames(known) {
  const isSame = known === names && known.version === namesVersion;
  names = known;
  namesVersion = known.version;
  return !isSame;
}

/** @param {Item} entry @returns {HTMLElement} */
export function drawEntry(entry) {
  const element = stamp(templates[entry.kind]);
  if (entry.kind === "message") element.tabIndex = -1;
  redrawEntry(element, entry);
  return element;
}

/** @param {Member} member @returns {HTMLElement} */
export function drawMember({ user, name, tag, mine }) {
  const element = stamp(templates.person);
  drawFace(element, { user, name });
  put(element, ".name", name);
  put(element, ".tag", tag);
  find(".self", HTMLElement, element).hidden = !mine;
  return element;
}

/** @param {HTMLElement} element - drawn for an earlier version of the entry @param {Item} entry */
export function redrawEntry(element, entry) {
  if (entry.kind === "message") redrawMessage(element, entry);
  else put(element, ".text", entry.text);
}

/**
 * @param {HTMLElement} element - with a place for the name and one for the text
 * @param {import("../../state/room/quotes.js").Quote | null} quote - null hides the element
 */
export function drawQuote(element, quote) {
  element.hidden = !quote;
  if (!quote) return;
  setHue(element, quote.user);
  put(element, ".whose", quote.mine ? "You" : quote.name);
  put(element, ".words", quotedText(quote));
  element.dataset.state = quote.state;
}

/**
 * Show on the first message of a thread how many replies it has.
 * @param {HTMLElement} element - drawn @param {MessageEntry} message - with replies @param {string} [lastAt] - when the last reply came, if it is known
 */
export function drawThread(element, { replies, deleted }, lastAt) {
  const button = find(".thread", HTMLButtonElement, element);
  button.hidden = deleted;
  setText(button, threadText(replies, lastAt));
}

/** @param {Item} entry @param {Item | undefined} previous @returns {boolean} true if both are in one block */
export function continuesBlock(entry, previous) {
  if (entry.kind !== "message" || previous?.kind !== "message") return false;
  if (previous.delivery === "failed" || previous.mine !== entry.mine) return false;
  const sameUser = entry.mine || (entry.user === previous.user && entry.name === previous.name);
  return sameUser && Date.parse(entry.at) - Date.parse(previous.at) < BLOCK;
}

/** @param {HTMLElement} element @param {MessageEntry} message */
function redrawMessage(element, message) {
  const { seq, name, at, mine, atMe, deleted, undoable, editedAt, reactions, quote, delivery, changing, waitsUntil, code, user } = message;
  element.classList.toggle("mine", mine);
  element.classList.toggle("at", atMe);
  element.classList.toggle("deleted", deleted || undoable);
  element.dataset.delivery = changing ? "sending" : delivery;
  element.toggleAttribute("data-numbered", seq > 0); // It is in the room's log, and can be answered and changed.
  drawFace(element, { user, name });
  put(element, ".name", mine ? "You" : name);
  put(element, ".tag", (!mine && names?.tagOf(user, name)) || "");
  drawQuote(find(".quote", HTMLElement, element), quote);
  drawWords(find(".text", HTMLElement, element), message);
  find("[data-action=undo]", HTMLElement, element).hidden = !undoable;
  put(element, ".delivery", deliveryText(message));
  find(".delivery", HTMLElement, element).toggleAttribute("data-waits", Boolean(waitsUntil));
  const edited = find(".edited", HTMLElement, element);
  edited.hidden = !editedAt || deleted || undoable;
  edited.title = wholeTime(editedAt);
  drawReactions(find(".reactions", HTMLElement, element), reactions);
  find(".thread", HTMLElement, element).hidden = true; // The list shows it, and the pane of a thread does not.
  if (deleted || undoable) closeEditor(element);
  const time = find("time", HTMLTimeElement, element);
  const isKnown = wholeTime(at) !== "";
  time.dateTime = isKnown ? at : "";
  setText(time, isKnown ? clockTime(new Date(at)) : ""); // Its day stands above it.
  time.title = time.ariaLabel = wholeTime(at);
  element.querySelector(".failure")?.remove();
  if (delivery === "failed") find(".content", HTMLElement, element).append(failureElement(code, quote !== null));
}

/** @param {HTMLElement} element @param {MessageEntry} message */
function drawWords(element, { id, text, deleted, undoable, mentions }) {
  drawText(element, deleted ? DELETED : undoable ? DELETED_NOW : text, names?.namesOf(mentions));
  foldText(element, deleted || undoable ? "" : text, id);
}

/** @param {HTMLElement} element - with a place for a face @param {{user: string, name: string}} person */
export function drawFace(element, { user, name }) {
  setHue(element, user);
  find(".avatar", HTMLElement, element).dataset.letter = initial(name);
}

/** @param {HTMLElement} element @param {string} user */
function setHue(element, user) {
  element.style.setProperty("--hue", String(hueOf(user)));
}

/** @param {HTMLElement} element @param {string} selector @param {string} text */
function put(element, selector, text) {
  setText(find(selector, HTMLElement, element), text);
}

/** @param {string} code @param {boolean} isReply @returns {HTMLElement} */
function failureElement(code, isReply) {
  const failure = stamp(templates.failure);
  find(".reason", HTMLElement, failure).textContent = explainFailure(code, isReply);
  find(".retry", HTMLButtonElement, failure).hidden = isFinal(code);
  return failure;
}

/** @param {HTMLTemplateElement} template @returns {HTMLElement} a copy of its only element */
function stamp(template) {
  return find("*", HTMLElement, /** @type {DocumentFragment} */ (template.content.cloneNode(true)));
}

/**
 * Return one of twelve hues, always the same for a user. styles/tokens.css gives it a readable lightness.
 * @param {string} user
 */
function hueOf(user) {
  let hash = 0;
  for (const character of user) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) >>> 0;
  return (hash % HUES) * (360 / HUES);
}
