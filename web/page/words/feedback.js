export const COPIED = "Copied.";
export const NOT_COPIED = "This browser does not let the page copy.";
/** The same, of what is selected now instead. */
export const SELECTED = "Selected. Copy it with Ctrl C.";
