import { roomName } from "../text/room-name.js";

/** @typedef {import("../../roomcast.js").TokenSource} TokenSource */
/** @typedef {{light: string, dark: string}} Accent - as `#rrggbb` */

/**
 * What settings.js may say. All but `endpoint` has a default.
 *
 * @typedef {object} Written
 * @property {string} endpoint - a full address, or a path on the page's own host
 * @property {string} [name] - of the chat
 * @property {readonly string[]} [rooms] - everybody's; the page begins in the first one
 * @property {string | Accent} [accent]
 * @property {TokenSource} [token] - proves who the user is
 */

/**
 * @typedef {object} Settings
 * @property {string} endpoint
 * @property {string} name
 * @property {readonly [string, ...string[]]} rooms
 * @property {Accent | null} accent - null: the colours of the style sheets
 * @property {TokenSource | null} token
 */

const KEYS = ["name", "endpoint", "rooms", "accent", "token"];
const COLOUR = /^#[0-9a-f]{6}$/i;
const ROOM = "lobby";

/**
 * Return the settings with their defaults.
 *
 * @param {Written} written
 * @returns {Settings}
 * @throws {TypeError} if one is unknown or has another form, so that a team sees it when it first opens its page
 */
export function readSettings(written) {
  const { endpoint, name = "Roomcast", rooms = [], accent, token } = written;
  for (const key of Object.keys(written)) check(KEYS.includes(key), key, `unknown. The settings are ${KEYS.join(", ")}`);
  check(isText(endpoint), "endpoint", "missing. It is a path such as /prod, or a whole address");
  check(isText(name), "name", "not a text");
  check(Array.isArray(rooms) && rooms.every(isText), "rooms", "not a list of names");
  check(token === undefined || typeof token === "function", "token", "not a function");
  const colours = typeof accent === "string" ? { light: accent, dark: accent } : accent;
  check(!colours || [colours.light, colours.dark].every(isColour), "accent", "not a colour such as #0c6b58");
  const [first = ROOM, ...others] = new Set(rooms.map(roomName).filter(Boolean));
  return { endpoint, name, rooms: [first, ...others], accent: colours ?? null, token: token ?? null };
}

/** @param {unknown} value */
const isText = (value) => typeof value === "string" && value.trim() !== "";

/** @param {unknown} value */
const isColour = (value) => typeof value === "string" && COLOUR.test(value);

/** @param {boolean} fits @param {string} key @param {string} problem */
function check(fits, key, problem) {
  if (!fits) throw new TypeError(`settings.js: ${key} is ${problem}.`);
}
