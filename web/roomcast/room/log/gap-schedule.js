/**
 * In milliseconds. A gap is requested when it is `lag` old: a broadcast may come later than the reply to a send, and
 * later than the next broadcast. It is requested again with growing pauses of at most `pause`, or `pauseAtEnd` if the
 * room has nothing after it. A gap with messages after it is lost when it is older than `timeout`, or `startTimeout` in
 * the history that a room begins with: a room's head may exist a moment before its rows do.
 */
export const GAPS = { lag: 1_000, pause: 8_000, pauseAtEnd: 60_000, timeout: 60_000, startTimeout: 10_000 };

/** @typedef {Readonly<import("./sequence-buffer.js").Gap>} Gap */

/** Decides when to request the first gap of a room's log, and when it is lost. It knows no clock and no socket. */
export class GapSchedule {
  #attempts = 0; // in a row that did not find the gap
  #isAtEnd = false; // the last attempt found nothing after the gap either
  #notBefore = 0; // the earliest time of the next attempt
  #hasMore = false; // the entries are known to exist, or no attempt was made yet
  #random;

  /** @param {() => number} random */
  constructor(random) {
    this.#random = random;
  }

  /** Return how long to wait before the next attempt, in milliseconds. @param {Gap} gap @param {number} now */
  delay(gap, now) {
    const due = this.#hasMore ? 0 : Math.max(gap.since + GAPS.lag, this.#notBefore);
    return Math.max(0, due - now);
  }

  /** The first gap is filled or given up. @param {number} now @param {boolean} [more] - the server has more entries */
  onProgress(now, more = false) {
    this.#attempts = 0;
    this.#isAtEnd = false;
    this.#notBefore = now + GAPS.lag;
    this.#hasMore = more;
  }

  /** The reply did not hold the first gap. @param {number} now @param {boolean} more - it has entries after the gap */
  onMiss(now, more) {
    this.#isAtEnd = !more;
    this.#hasMore = false;
    const pause = Math.min(GAPS.lag * 2 ** this.#attempts++, more ? GAPS.pause : GAPS.pauseAtEnd);
    // Random by a half of the pause, because a whole room may miss the same message.
    this.#notBefore = now + pause * (0.75 + this.#random() / 2);
  }

  /** An entry above the known head has come, so no gap is the end of the log any more. @param {number} now */
  onNewerEntry(now) {
    if (this.#isAtEnd) this.onProgress(now);
  }

  /**
   * @param {Gap} gap - that the reply did not fill @param {number} requestedAt
   * @param {boolean} [isStart] - the gap is in the history that the room begins with
   */
  hasTimedOut(gap, requestedAt, isStart = false) {
    return requestedAt - gap.since >= (isStart ? GAPS.startTimeout : GAPS.timeout);
  }
}
