/**
 * Decides when a room is to be asked for next, because the last frame of a room may be lost and nothing else shows it.
 * A room is quiet after an answer that told nothing new. It knows no clock and no socket.
 */
export class CheckSchedule {
  #isQuiet = false;

  /** @param {number} now */
  constructor(now) {
    /** When the server last showed that it sends us what happens in the room, or answered. */
    this.lastActivityAt = now;
  }

  /** Something has happened: more may follow, and be lost. @param {number} now */
  onActivity(now) {
    this.lastActivityAt = now;
    this.#isQuiet = false;
  }

  /** The server was asked. @param {number} now @param {boolean} isQuiet - its answer told nothing new */
  onAnswer(now, isQuiet) {
    this.lastActivityAt = now;
    this.#isQuiet = isQuiet;
  }

  /** @param {import("./pinger.js").Periods} periods */
  dueAt({ soon, rare }) {
    return this.lastActivityAt + (this.#isQuiet ? rare : soon);
  }
}
