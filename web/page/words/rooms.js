const number = new Intl.NumberFormat("en");

/** @typedef {import("../state/rooms/directory.js").RoomLine} RoomLine */

/** Titles of the list's sections, by kind. */
export const SECTIONS = { unread: "Unread", starred: "Starred", rooms: "Rooms" };

/** Beside a room's name: one of these. @param {RoomLine} line @returns {{kind: string, text: string, told: string}} */
export function badgeOf({ unread, mentions, muted, hasDraft, isOpen }) {
  if (mentions > 0 && !isOpen) {
    const count = mentions >= 100 ? "99+" : String(mentions);
    return { kind: "mentions", text: `@${count}`, told: mentions === 1 ? "1 mention" : `${count} mentions` };
  }
  if (muted) return { kind: "note", text: "muted", told: "muted" };
  if (unread > 0 && !isOpen) return { kind: "unread", text: unread > 999 ? "999+" : number.format(unread), told: `${number.format(unread)} unread` };
  return hasDraft ? { kind: "draft", text: "draft", told: "draft" } : { kind: "", text: "", told: "" };
}

/** A person's inbox has the person's id for a name, which nobody wants to read. @param {string} room */
export const roomTitle = (room) => (room.startsWith("@") ? "Inbox" : room);

/** The name of a room's button and menu. @param {string} room */
export const roomMenuTitle = (room) => `Actions for ${roomTitle(room)}`;

/** @param {number} count - of rooms with something new */
export const toRoomsText = (count) => (count ? `Rooms, ${number.format(count)} with something new` : "Rooms");

/** @param {RoomLine} line @returns {[action: "star" | "mute" | "copy" | "unfollow", text: string, on?: boolean][]} what can be done with a room */
export const roomActions = ({ starred, muted }) => [
  ["star", starred ? "Remove the star" : "Star", !starred],
  ["mute", muted ? "Stop muting" : "Mute", !muted],
  ["copy", "Copy a link"],
  ["unfollow", "Leave for good"],
];
