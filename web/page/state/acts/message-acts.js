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
  /** What was sent last, and the messages that it is. @type {{typed: string, ids: readonly string[]}} */
  #written = { typed: "", ids: [] };

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

  /** @param {string} typed - in one piece @param {readonly string[]} ids - of the messages that it was sent as */
  wrote(typed, ids) {
    this.#written = { typed, ids };
  }

  /**
   * Take back what the user has sent last, unless the server may have it: of a long text, the messages that it has not.
   * @returns {{text: string, replyTo: number} | null}
   */
  takeBack() {
    const { pending } = this.#room;
    const newest = pending.at(-1);
    if (!newest || newest.tried) return null;
    const { typed, ids } = this.#written;
    const isWritten = ids.includes(newest.id); // Else it is an earlier message, a retry or an answer in a thread.
    const taken = isWritten ? pending.filter(({ id, tried }) => ids.includes(id) && !tried) : [newest];
    for (const message of taken) {
      this.#room.delete(message.id);
      this.#timeline.fail(message.id, "deleted");
      this.discard(message);
    }
    const text = isWritten && taken.length === ids.length ? typed : taken.map(({ message }) => message).join("\n");
    return { text, replyTo: taken[0]?.replyTo ?? 0 };
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
