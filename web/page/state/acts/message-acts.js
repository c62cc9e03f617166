import { Deletions } from "./deletions.js";

/** @typedef {import("../room/timeline.js").MessageEntry} MessageEntry */

/**
 * What the user does with the messages of one room. A change is shown at once, by an event of the room. If it fails,
 * another event tells and takes it back.
 */
export class MessageActs {
  #room;
  #timeline;
  #onChange;
  #deletions;

  /**
   * @param {import("../../../roomcast.js").Room} room @param {import("../room/timeline.js").Timeline} timeline
   * @param {() => void} onChange
   */
  constructor(room, timeline, onChange) {
    this.#room = room;
    this.#timeline = timeline;
    this.#onChange = onChange;
    this.#deletions = new Deletions((seq) => room.delete(seq), (id, undoable) => {
      timeline.mark(id, undoable);
      onChange();
    });
    room.addEventListener("reset", () => this.#deletions.reset());
  }

  /** @param {{action: string, message: MessageEntry, text?: string, reaction?: string}} act */
  do({ action, message, text = "", reaction = "" }) {
    if (action === "edit" && text && text !== message.text) this.#room.edit(message.seq, text);
    if (action === "delete") this.#deletions.begin(message);
    if (action === "undo") this.#deletions.undo(message.id);
    if (action === "react") this.#react(message, reaction);
    if (action === "discard") this.discard(message);
  }

  /** Take a message away that was not sent. @param {{id: string}} message */
  discard({ id }) {
    this.#timeline.discard(id);
    this.#onChange();
  }

  /**
   * Take the user's newest message back, unless the server may have it.
   * @returns {{text: string, replyTo: number} | null}
   */
  takeBack() {
    const newest = this.#room.pending.at(-1);
    if (!newest || newest.tried) return null;
    this.#room.delete(newest.id);
    this.#timeline.fail(newest.id, "deleted");
    this.discard(newest);
    return { text: newest.message, replyTo: newest.replyTo ?? 0 };
  }

  /** Send the deletions that could still be undone: the user leaves the room or the page. */
  finish() {
    this.#deletions.flush();
  }

  /** Add the user's reaction, or take it back. @param {MessageEntry} message @param {string} reaction */
  #react({ seq, reactions }, reaction) {
    const isMine = reactions.some((each) => each.reaction === reaction && each.mine);
    this.#room.react(seq, reaction, !isMine);
  }
}
