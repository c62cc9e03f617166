/** Milliseconds. After a change of networks nothing else shows that a socket is dead. */
const MIN = 10_000;
/** Milliseconds. A page of 32 KB comes in that time over a link of 1 KB per second. */
const MAX = 40_000;
/** Milliseconds. A quick reply that long after the last late one shows that the link is not slow any more. */
const SLOW_FOR = 2 * 60_000;

/**
 * How long a reply may take, over the sockets of one chat. On a slow link a page takes longer than ten seconds, and a
 * client that gave it up each time would begin again for ever. So a reply that is late doubles the time.
 */
export class ReplyTimeout {
  /** Milliseconds. */
  value = MIN;
  #lateAt = -Infinity;

  /** Frames that come may extend the time: on a slow link the reply waits behind them. */
  get isExtended() {
    return this.value > MIN;
  }

  /** A reply did not come in time. @param {number} now */
  onLate(now) {
    this.value = Math.min(2 * this.value, MAX);
    this.#lateAt = now;
  }

  /** @param {number} took - milliseconds @param {number} now */
  onReply(took, now) {
    if (took < MIN / 4 && now - this.#lateAt > SLOW_FOR) this.value = MIN;
  }
}
