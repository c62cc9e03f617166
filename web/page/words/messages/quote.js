import { cut } from "../../text/graphemes.js";

/** In characters as a reader sees them. The rest is not in sight, and would be read out in full. */
const MAX_QUOTED = 140;

/** What stands in place of a deleted message's text. */
export const DELETED = "This message was deleted.";

/** What stands there while the deletion can be undone. */
export const DELETED_NOW = "Deleted.";

/** What stands in place of a quoted text. */
const STATES = {
  loading: "Loading…",
  waiting: "Not loaded yet: there is no connection.",
  deleted: DELETED,
  gone: "This message is not available any more.",
  failed: "This message could not be loaded.",
};

/** @param {import("../../state/room/quotes.js").Quote} quote @returns {string} in one line */
export const quotedText = ({ state, text }) => (state === "there" ? text : STATES[state]);

/** Return the beginning of a text, in one line. @param {string} text */
export const beginning = (text) => cut(text, MAX_QUOTED);
