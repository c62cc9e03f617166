/** The sign before a choice, by what it is. */
export const KINDS = { room: "#", person: "@", command: "›", search: "⌕", enter: "+" };

/** @param {{unread: number, mentions: number}} room @returns {string} */
export function unreadText({ unread, mentions }) {
  if (mentions > 0) return mentions === 1 ? "1 mention" : `${mentions} mentions`;
  return unread > 0 ? `${unread} unread` : "";
}

export const IS_HERE = "is here";

/** @param {string} query @param {string} room */
export const searchText = (query, room) => `Search “${query}” in #${room}`;

/** @param {string} room */
export const enterText = (room) => `Enter #${room}`;

/** The commands, by what they do. */
export const COMMANDS = {
  copyLink: "Copy a link to this room",
  people: "Who is here",
  goToDate: "Go to a date…",
  keys: "Keyboard shortcuts",
  notify: "Tell me when I am mentioned",
};
