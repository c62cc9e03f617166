/**
 * @typedef {import("../protocol/entries.js").Message} Message
 * @typedef {import("../protocol/frames.js").Ack} Ack
 * @typedef {import("../protocol/entries.js").Person} Person
 * @typedef {import("../protocol/frames.js").Moderated} Moderated
 * @typedef {import("./rules.js").Rules} Rules
 * @typedef {"joining" | "joined" | "left"} RoomState - also "joining" while it is joined again on a new
 *   connection
 *
 * @typedef {object} RoomEvents
 * @property {Message} message - in the room's order, each message once
 * @property {{more: boolean}} ready - the messages that the room begins with have been dispatched, if there are any;
 *   later ones are new. `more`: there are earlier ones
 * @property {Message} changed - a message as it is now: edited, deleted, or with another reply in its thread
 * @property {Message} reactions - a message as it is now, with other reactions
 * @property {{from: number, to: number}} lost - the messages from seq `from` to seq `to` are missing for good
 * @property {{}} reset - the room has a new log; the messages that were shown are no part of it
 * @property {{}} restored - `pending` and `pendingChanges` have more: what a tab has left that is gone
 * @property {Ack} sent - a message of this user is stored, or a change
 * @property {{id: string, code: string, detail: string, action?: "edit" | "delete" | "react", of?: number}} failed - a
 *   message of this user was not sent and will not be; of a change, with its `action`: it is taken back, and `of` is the
 *   message
 * @property {{id: string, code: string, detail: string, retryAfter: number}} delayed - a message of this user waits for
 *   `retryAfter` seconds, as in slow mode, and is sent again by itself
 * @property {import("./presence.js").PresenceUpdate} presence - who is here now, and who has joined and left since the
 *   last event. Somebody who leaves is reported after five seconds, and not at all if they are back by then
 * @property {Person & {seq: number}} read - another user has read the room up to `seq`; this user's own is told, too. Only
 *   in a chat with receipts
 * @property {Person[]} typing - the other users who are typing now
 * @property {Moderated} moderated - a moderator's action
 * @property {Rules} rules - what holds for this user now: at the first join, and when it has changed, also during an
 *   absence, or because the user's mute is over
 * @property {{state: RoomState, code?: string}} state - `code`: why the room was left
 */

export {};
