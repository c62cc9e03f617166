/** What each key does, by where. On a Mac, ⌘ stands for Ctrl. */
/** @type {readonly (readonly [string, readonly (readonly [string, string])[]])[]} */
export const KEYS = [
  ["Anywhere", [
    ["Ctrl K", "Go to a room, a person or a command"],
    ["Alt ↑ ↓", "The room above or below"],
    ["Alt Shift ↑ ↓", "The next room with something unread"],
    ["F6, Shift F6", "The next part of the page, or the one before"],
    ["Ctrl F", "Search in this room; again: the browser's own search"],
    ["Escape", "Close what is open; then: go to the newest message, and take away the line above what is new"],
    ["?", "This table"],
  ]],
  ["The list of rooms", [
    ["↑ ↓ Home End", "Move"],
    ["A letter", "The next room that begins with it"],
  ]],
  ["The field for a message", [
    ["Enter", "Send; on a phone: a new line"],
    ["Shift Enter", "A new line"],
    ["Ctrl Enter", "Send, everywhere"],
    ["↑", "In an empty field: edit your last message"],
    ["Ctrl Z", "In an empty field: take back what you have just sent, if it still waits"],
    ["Page Up, Page Down", "Scroll the messages"],
    ["@ # :", "Complete a name, a room, an emoji"],
  ]],
  ["Messages", [
    ["↑ ↓ Home End", "Move"],
    ["R", "Reply"],
    ["T", "Show the thread"],
    ["+", "React"],
    ["E", "Edit"],
    ["C", "Copy the text"],
    ["L", "Copy a link"],
    ["Delete", "Delete"],
    ["Enter", "All that can be done"],
  ]],
];
