/** The title of the pane with the search. */
export const SEARCH = "Search";

/** What can be searched for, and where. @param {string} room */
export const searchHint = (room) => `Words or a name in #${room}`;

export const NOT_LOADED = "That could not be loaded. Try again.";
