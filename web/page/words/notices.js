/** @typedef {import("../state/notices.js").Notice} Notice */

/** @param {Notice} notice */
export const noticeTitle = ({ room, name }) => `${name} in #${room}`;

/** @param {Notice} notice */
export const noticeText = ({ text }) => text || "mentioned you";

/** @param {import("../state/notices.js").Level} level @param {string} room @returns {string} the command for it */
export function levelText(level, room) {
  if (level === "none") return `Tell me nothing of #${room}`;
  return level === "all" ? `Tell me of every message in #${room}` : `Tell me of mentions in #${room} only`;
}
