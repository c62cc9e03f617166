import { find } from "./dom.js";
import { explainFailure, isFinal } from "./text/errors.js";
import { closeEditor } from "./message-editor.js";
import { drawReactions } from "./reactions-view.js";
import { initial } from "./text/initial.js";
import { DELETED, quotedText } from "./text/quote.js";
import { exactTime, shortTime } from "./text/time.js";

/**
 * @typedef {import("./timeline.js").Entry} Entry
 * @typedef {import("./timeline.js").MessageEntry} MessageEntry
 * @typedef {import("./room-people.js").Member} Member
 */

/** Milliseconds. Messages of one user within this time form a block under one name. */
const BLOCK = 5 * 60_000;
const HUES = 12;

const DELIVERY = { sending: "Sending…", sent: "Sent", failed: "Not sent" };
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

const templates = {
  message: find("#message", HTMLTemplateElement),
  note: find("#note", HTMLTemplateElement),
  person: find("#person", HTMLTemplateElement),
  failure: find("#failure", HTMLTemplateElement),
};

/** @param {Entry} entry @returns {HTMLElement} */
export function drawEntry(entry) {
  const element = stamp(templates[entry.kind]);
  redrawEntry(element, entry);
  return element;
}

/** @param {Member} member @returns {HTMLElement} */
export function drawMember({ user, name, mine }) {
  const element = stamp(templates.person);
  drawFace(element, { user, name });
  put(element, ".name", name);
  find(".self", HTMLElement, element).hidden = !mine;
  return element;
}

/** @param {HTMLElement} element - drawn for an earlier version of the entry @param {Entry} entry */
export function redrawEntry(element, entry) {
  if (entry.kind === "message") redrawMessage(element, entry);
  else find(".text", HTMLElement, element).textContent = entry.text;
}

/**
 * @param {HTMLElement} element - with a place for the name and one for the text
 * @param {import("./quotes.js").Quote | null} quote - null hides the element
 */
export function drawQuote(element, quote) {
  element.hidden = !quote;
  if (!quote) return;
  setHue(element, quote.user);
  put(element, ".whose", quote.mine ? "You" : quote.name);
  put(element, ".words", quotedText(quote));
  element.dataset.state = quote.state;
}

/** @param {Entry} entry @param {Entry | undefined} previous @returns {boolean} true if both are in one block */
export function continuesBlock(entry, previous) {
  if (entry.kind === "note" || !previous || previous.kind === "note") return false;
  if (previous.delivery === "failed" || previous.mine !== entry.mine) return false;
  const sameUser = entry.mine || (entry.user === previous.user && entry.name === previous.name);
  return sameUser && Date.parse(entry.at) - Date.parse(previous.at) < BLOCK;
}

/** @param {HTMLElement} element @param {MessageEntry} message */
function redrawMessage(element, message) {
  const { seq, name, text, at, mine, deleted, editedAt, reactions, quote, delivery, code, user } = message;
  element.classList.toggle("mine", mine);
  element.classList.toggle("deleted", deleted);
  element.dataset.delivery = delivery;
  drawFace(element, { user, name });
  put(element, ".name", mine ? "You" : name);
  drawQuote(find(".quote", HTMLElement, element), quote);
  put(element, ".text", deleted ? DELETED : text);
  put(element, ".delivery", stateOf(message));
  put(element, ".edited", editedAt && !deleted ? "edited" : "");
  find(".edited", HTMLElement, element).title = whenOf(editedAt);
  drawReactions(find(".reactions", HTMLElement, element), reactions);
  find(".tools", HTMLElement, element).hidden = seq === 0 || deleted;
  if (deleted) closeEditor(element);
  const time = find("time", HTMLTimeElement, element);
  const isKnown = whenOf(at) !== "";
  time.dateTime = isKnown ? at : "";
  time.textContent = isKnown ? shortTime(new Date(at)) : "";
  time.title = whenOf(at);
  element.querySelector(".failure")?.remove();
  if (delivery === "failed") element.append(failureElement(code, quote !== null));
}

/** @param {MessageEntry} message @returns {string} how far the user's message, or change of a message, has come */
function stateOf({ mine, deleted, changing, delivery, waitsUntil }) {
  if (changing) return "Saving…";
  if (!mine || deleted) return "";
  const isDelayed = waitsUntil && delivery === "sending";
  return isDelayed ? `Too fast: will be sent at ${exactTime(waitsUntil)}` : DELIVERY[delivery];
}

/** @param {string} at - ISO 8601, from another user @returns {string} empty if it is no time */
function whenOf(at) {
  const when = new Date(at);
  return Number.isNaN(when.valueOf()) ? "" : calendar.format(when);
}

/** @param {HTMLElement} element @param {{user: string, name: string}} person */
function drawFace(element, { user, name }) {
  setHue(element, user);
  put(element, ".avatar", initial(name));
}

/** @param {HTMLElement} element @param {string} user */
function setHue(element, user) {
  element.style.setProperty("--hue", String(hueOf(user)));
}

/** @param {HTMLElement} element @param {string} selector @param {string} text */
function put(element, selector, text) {
  find(selector, HTMLElement, element).textContent = text;
}

/** @param {string} code @param {boolean} isReply @returns {HTMLElement} */
function failureElement(code, isReply) {
  const failure = stamp(templates.failure);
  find(".reason", HTMLElement, failure).textContent = explainFailure(code, isReply);
  find(".again", HTMLButtonElement, failure).hidden = isFinal(code);
  return failure;
}

/** @param {HTMLTemplateElement} template @returns {HTMLElement} a copy of its only element */
function stamp(template) {
  return find("*", HTMLElement, /** @type {DocumentFragment} */ (template.content.cloneNode(true)));
}

/**
 * Return one of twelve hues, always the same for a user. style.css gives it a readable lightness.
 * @param {string} user
 */
function hueOf(user) {
  let hash = 0;
  for (const character of user) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) >>> 0;
  return (hash % HUES) * (360 / HUES);
}
