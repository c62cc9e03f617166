import { find } from "./dom.js";
import { isFinal, sentenceFor } from "./refusals.js";

/**
 * @typedef {import("./timeline.js").Entry} Entry
 * @typedef {import("./timeline.js").Spoken} Spoken
 */

/** Messages of one person within this time, in milliseconds, form a block under one name. */
const BLOCK = 5 * 60_000;
const HUES = 12;

const DELIVERY = { sending: "Sending…", sent: "Sent", refused: "Not sent" };
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const dayAndClock = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "numeric",
  minute: "2-digit",
});
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

const templates = {
  message: find("#message", HTMLTemplateElement),
  note: find("#note", HTMLTemplateElement),
  refusal: find("#refusal", HTMLTemplateElement),
};

/** @param {Entry} entry @returns {HTMLElement} */
export function drawEntry(entry) {
  const element = stamp(templates[entry.kind]);
  redrawEntry(element, entry);
  return element;
}

/** @param {HTMLElement} element - as drawn for an earlier state of the entry @param {Entry} entry */
export function redrawEntry(element, entry) {
  if (entry.kind === "message") redrawMessage(element, entry);
  else find(".text", HTMLElement, element).textContent = entry.text;
}

/** @param {Entry} entry @param {Entry | undefined} previous @returns {boolean} whether both are of one block */
export function continues(entry, previous) {
  if (entry.kind === "note" || !previous || previous.kind === "note") return false;
  if (previous.delivery === "refused" || previous.mine !== entry.mine) return false;
  const samePerson = entry.mine || (entry.user === previous.user && entry.name === previous.name);
  return samePerson && Date.parse(entry.at) - Date.parse(previous.at) < BLOCK;
}

/** @param {HTMLElement} element @param {Spoken} message */
function redrawMessage(element, { name, text, at, mine, delivery, code, user }) {
  const put = (/** @type {string} */ selector, /** @type {string} */ value) => {
    find(selector, HTMLElement, element).textContent = value;
  };
  element.classList.toggle("mine", mine);
  element.dataset.delivery = delivery;
  element.style.setProperty("--hue", String(hueOf(user)));
  put(".avatar", [...name][0]?.toUpperCase() ?? "");
  put(".name", mine ? "You" : name);
  put(".text", text);
  put(".delivery", mine ? DELIVERY[delivery] : "");
  const time = find("time", HTMLTimeElement, element);
  const when = new Date(at);
  const known = !Number.isNaN(when.valueOf());
  time.dateTime = known ? at : "";
  time.textContent = known ? (isToday(when) ? clock : dayAndClock).format(when) : "";
  time.title = known ? calendar.format(when) : "";
  element.querySelector(".refusal")?.remove();
  if (delivery === "refused") element.append(explain(code));
}

/** @param {Date} when */
const isToday = (when) => when.toDateString() === new Date().toDateString();

/** @param {string} code @returns {HTMLElement} */
function explain(code) {
  const refusal = stamp(templates.refusal);
  find(".reason", HTMLElement, refusal).textContent = sentenceFor(code);
  find(".again", HTMLButtonElement, refusal).hidden = isFinal(code);
  return refusal;
}

/** @param {HTMLTemplateElement} template @returns {HTMLElement} a copy of its only element */
function stamp(template) {
  return find("*", HTMLElement, /** @type {DocumentFragment} */ (template.content.cloneNode(true)));
}

/**
 * One of twelve hues, always the same one for a user; style.css gives it a lightness that can be read.
 * @param {string} user
 */
function hueOf(user) {
  let hash = 0;
  for (const character of user) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) >>> 0;
  return (hash % HUES) * (360 / HUES);
}
