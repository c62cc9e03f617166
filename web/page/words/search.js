const number = new Intl.NumberFormat("en");
const day = new Intl.DateTimeFormat("en", { day: "numeric", month: "long" });
const dayAndYear = new Intl.DateTimeFormat("en", { day: "numeric", month: "long", year: "numeric" });

/** @param {import("../state/history/search.js").Found} found @param {Date} [now] @returns {string} how far it has looked */
export function searchedText({ messages, searched, backTo, earlier }, now = new Date()) {
  if (earlier === "full") return `The newest ${number.format(messages.length)} found. Search for other words to find fewer.`;
  const found = messages.length === 0 ? "Nothing found. " : messages.length === 1 ? "1 found. " : `${number.format(messages.length)} found. `;
  if (earlier === "searching") return `${found}Looking further back…`;
  if (earlier === "failed") return `${found}Earlier messages could not be loaded.`;
  const count = searched === 1 ? "1 message" : `${number.format(searched)} messages`;
  if (earlier === "start") return `${found}Looked through all ${count}.`;
  const date = new Date(backTo);
  const isThisYear = date.getFullYear() === now.getFullYear();
  return `${found}Looked through ${count}${backTo && `, back to ${(isThisYear ? day : dayAndYear).format(date)}`}.`;
}

export const NO_MESSAGE_SINCE = "Nobody has written since that day.";
