/** The title of the pane with the search. */
export const SEARCH = "Search";
export const NOT_LOADED = "That could not be loaded. Try again.";
