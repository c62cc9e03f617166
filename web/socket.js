import { parseFrame, pingFrame, sendFrame, SUBPROTOCOL } from "./frames.js";
import { randomId } from "./random-id.js";

/**
 * In milliseconds. A socket that owes an answer for `answer` is taken for dead: after a change of networks nothing else
 * tells. API Gateway closes a socket that is idle for ten minutes; `idle` is half of that.
 */
export const LIMITS = { answer: 10_000, idle: 5 * 60_000, giveUp: 2 * 60_000, firstDelay: 500, longestDelay: 30_000 };
/** How often a message is handed to a socket before its sender is told that nobody answers. */
export const MOST_TRIES = 3;

/** Why a message was not sent: a code of the protocol, or one that this client adds, `unanswered` or `closed`. */
export class Refusal extends Error {
  /** @param {string} code @param {string} [detail] */
  constructor(code, detail = "") {
    super(detail || code);
    this.code = code;
  }
}

const systemClock = {
  /** @type {(action: () => void, delay: number) => number} */
  setTimeout: (action, delay) => window.setTimeout(action, delay),
  /** @type {(timer: number) => void} */
  clearTimeout: (timer) => window.clearTimeout(timer),
};

/**
 * @typedef {"connecting" | "open" | "reconnecting" | "closed"} SocketState
 * @typedef {import("./frames.js").Ack} Ack
 * @typedef {{ref: string, frame: string, tries: number, giveUp: number, resolve: (ack: Ack) => void,
 *   reject: (reason: Refusal) => void}} Push
 */

/**
 * A chat connection that heals itself. Dispatches `state` (detail: the new SocketState) and `messages` (detail: a
 * MessagesFrame). It knows no page.
 */
export class ChatSocket extends EventTarget {
  #url = "";
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {SocketState} */
  #state = "closed";
  #failures = 0;
  /** @type {Push[]} The first is under way, the others wait for its answer. */
  #queue = [];
  #awaited = ""; // the ref that the socket owes an answer for
  #timer = 0; // one is enough: what happens next if nothing else does, a reconnect or a ping
  #WebSocket;
  #clock;
  #random;

  constructor({ WebSocket = globalThis.WebSocket, clock = systemClock, random = Math.random } = {}) {
    super();
    this.#WebSocket = WebSocket;
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * Connects, in place of any earlier connection; what is unanswered is sent again on the new one.
   * @param {string} url
   */
  open(url) {
    this.#url = url;
    this.#failures = 0;
    this.#enter("connecting");
    this.#connect();
  }

  /** Reconnects now instead of later: for when the network is back, or somebody looks at the page again. */
  retry() {
    if (this.#state === "reconnecting" && !this.#socket) this.#connect();
  }

  /** Closes for good; every message without an answer is rejected with `closed`. */
  close() {
    this.#drop();
    this.#enter("closed");
    for (const push of this.#queue) this.#settle(push.ref, new Refusal("closed"));
  }

  /**
   * Resolves once the server has stored the message, over however many connections: it stores a ref once. Rejects with
   * a Refusal: the server's, `closed`, or `unanswered` after two minutes or three tries.
   *
   * @param {string} room @param {string} message @param {string} [ref] @returns {Promise<Ack>}
   */
  send(room, message, ref = randomId()) {
    return new Promise((resolve, reject) => {
      if (this.#state === "closed") return reject(new Refusal("closed"));
      const giveUp = this.#clock.setTimeout(() => this.#settle(ref, new Refusal("unanswered")), LIMITS.giveUp);
      this.#queue.push({ ref, frame: sendFrame(ref, room, message), tries: 0, giveUp, resolve, reject });
      this.#sendNext();
    });
  }

  #connect() {
    this.#drop();
    const socket = new this.#WebSocket(this.#url, SUBPROTOCOL);
    // A socket that was given up still reports its end.
    /** @type {(react: (event: any) => void) => (event: any) => void} */
    const ifCurrent = (react) => (event) => socket === this.#socket && react(event);
    socket.addEventListener("open", ifCurrent(() => this.#opened()));
    socket.addEventListener("message", ifCurrent(({ data }) => this.#received(data)));
    socket.addEventListener("close", ifCurrent(() => this.#lost()));
    this.#socket = socket;
    this.#wait(LIMITS.answer, () => this.#lost());
  }

  #opened() {
    this.#wait(LIMITS.idle, () => this.#ping());
    this.#enter("open");
    this.#sendNext();
  }

  /** @param {unknown} data */
  #received(data) {
    const frame = parseFrame(data);
    if (!frame) return;
    this.#failures = 0; // Not when it opens: a server that accepts and then closes would be called without a pause.
    if (frame.type === "ack") this.#settle(frame.ref, frame.ack);
    // The chat has lost sight of this connection, so it hears nothing either; a new one mends both.
    if (frame.type === "refusal" && frame.code === "not_connected") this.#lost();
    else if (frame.type === "refusal") this.#settle(frame.ref, new Refusal(frame.code, frame.detail));
    if (frame.type === "pong") this.#answered(frame.ref);
    if (frame.type === "bye" && !frame.retry) this.close();
    if (frame.type === "messages") {
      // The room's copy of a message proves that it is stored, even when the reply was lost.
      for (const { id, seq, at } of frame.messages) this.#settle(id, { id, seq, at });
      this.dispatchEvent(new CustomEvent("messages", { detail: frame }));
    }
  }

  /** Full jitter, so that all whom one outage cut off do not return at once
   * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). */
  #lost() {
    this.#drop();
    const most = Math.min(LIMITS.longestDelay, LIMITS.firstDelay * 2 ** this.#failures++);
    this.#wait(this.#random() * most, () => this.#connect());
    this.#enter("reconnecting");
  }

  /** One at a time: API Gateway runs a connection's messages concurrently, and two under way may be stored in either
   * order, above all when a queue is sent again after a reconnect. */
  #sendNext() {
    const push = this.#queue[0];
    if (!push || push.ref === this.#awaited || this.#state !== "open") return;
    if (push.tries++ < MOST_TRIES) this.#transmit(push.ref, push.frame);
    else this.#settle(push.ref, new Refusal("unanswered"));
  }

  #ping() {
    const ref = randomId();
    this.#transmit(ref, pingFrame(ref));
  }

  /** @param {string} ref @param {string} frame */
  #transmit(ref, frame) {
    this.#awaited = ref;
    this.#wait(LIMITS.answer, () => this.#lost());
    this.#socket?.send(frame);
  }

  /** @param {string} ref */
  #answered(ref) {
    if (ref !== this.#awaited) return;
    this.#awaited = "";
    this.#wait(LIMITS.idle, () => this.#ping());
  }

  /** @param {string} ref @param {Ack | Refusal} outcome */
  #settle(ref, outcome) {
    const push = this.#queue.find((waiting) => waiting.ref === ref);
    if (!push) return;
    this.#queue = this.#queue.filter((waiting) => waiting !== push);
    this.#clock.clearTimeout(push.giveUp);
    if (outcome instanceof Refusal) push.reject(outcome);
    else push.resolve(outcome);
    this.#answered(ref);
    this.#sendNext();
  }

  /** @param {number} delay @param {() => void} action */
  #wait(delay, action) {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(action, delay);
  }

  #drop() {
    this.#clock.clearTimeout(this.#timer);
    this.#awaited = "";
    const socket = this.#socket;
    this.#socket = null; // Before close(), whose event must find it gone.
    socket?.close();
  }

  /** @param {SocketState} state */
  #enter(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}
