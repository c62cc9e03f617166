import { Backoff } from "./backoff.js";
import { parseFrame } from "../protocol/frames.js";

/**
 * How long, in milliseconds, a handshake or an answer may take: after a change of networks nothing else tells that a
 * socket is dead. API Gateway itself gives up after 29 s, yet what takes ten is better asked again.
 */
export const PATIENCE = 10_000;

/** The link ended before the answer came; whether the request was done is not known. */
export class LinkLost extends Error {}

/**
 * As much of a WebSocket as is needed; the browser's, Node's and that of the `ws` package are such.
 *
 * @typedef {object} Socket
 * @property {(text: string) => void} send
 * @property {() => void} close
 * @property {(type: "open" | "message" | "close" | "error", listener: (event: any) => void) => void} addEventListener
 * @typedef {new (url: string, protocols: string[]) => Socket} SocketClass
 *
 * @typedef {import("../protocol/frames.js").Frame} Frame
 * @typedef {object} Owner
 * @property {(link: Link) => void} opened
 * @property {(frame: Frame, link: Link) => void} heard - of all that is no answer
 * @property {(link: Link) => void} sensible - the server has shown that it knows this connection
 * @property {(link: Link) => void} lost - also after close(); before the requests under way reject
 * @typedef {object} Call
 * @property {string} frame
 * @property {(reply: Record<string, unknown>) => boolean} answered - whether it was one
 * @property {(reason: unknown) => void} reject
 * @property {() => Promise<unknown>} over - resolves when it is settled
 * @property {boolean} doubtful - may have failed without an answer
 * @property {any} deadline
 */

/** One socket: requests are promises, and a socket that does not answer is closed. It never opens another one. */
export class Link {
  /** @type {Map<string, Call>} by ref */
  #calls = new Map();
  #socket;
  #owner;
  #clock;
  #state = "connecting";
  /** @type {any} */
  #handshake;
  /** @type {any} */
  #repeat = null;
  /** @type {any} */
  #retirement = null;
  #backoff;

  /**
   * @param {string} url @param {string[]} protocols @param {Owner} owner
   * @param {{WebSocket: SocketClass, clock: import("./clock.js").Clock, random: () => number}} tools
   * @throws what the WebSocket's constructor throws: an address or a protocol that can be none
   */
  constructor(url, protocols, owner, { WebSocket, clock, random }) {
    this.#owner = owner;
    this.#clock = clock;
    this.#backoff = new Backoff(random);
    this.#socket = new WebSocket(url, protocols);
    this.#socket.addEventListener("open", () => this.#opened());
    this.#socket.addEventListener("message", ({ data }) => this.#received(data));
    this.#socket.addEventListener("close", () => this.close());
    this.#socket.addEventListener("error", () => {}); // `close` follows; some sockets throw where nobody listens
    this.#handshake = clock.setTimeout(() => this.close(), PATIENCE);
    /** When the server was last heard. */
    this.heardAt = clock.now();
  }

  get isOpen() {
    return this.#state === "open";
  }

  /**
   * @template Answer
   * @param {import("../protocol/frames.js").Request<Answer>} request
   * @param {AbortSignal} [signal] - drops the request: its answer is not awaited any more
   * @returns {Promise<Answer>} rejects with the server's RoomcastError, with LinkLost or with the signal's reason
   */
  async ask({ ref, frame, read }, signal) {
    // Two rooms may use the same ref, and a refusal does not tell which one it is about: so they take turns.
    for (let other; (other = this.#calls.get(ref)); ) await other.over();
    signal?.throwIfAborted();
    if (!this.isOpen) throw new LinkLost();
    /** @type {Promise<any>} */
    const answer = new Promise((resolve, reject) => {
      const answered = (/** @type {Record<string, unknown>} */ reply) => {
        const result = read(reply);
        if (result !== null) resolve(result);
        return result !== null;
      };
      const over = () => answer.catch(() => {});
      const call = { frame, answered, reject, over, doubtful: false, deadline: null };
      this.#calls.set(ref, call);
      this.#transmit(ref);
      signal?.addEventListener("abort", () => {
        if (this.#calls.get(ref) === call) this.#settle(ref)?.reject(signal.reason);
      });
    });
    return answer;
  }

  /** Closes as soon as all that was asked is answered, or when `patience` milliseconds are over. */
  retire(patience = 5_000) {
    if (this.#state !== "open" || this.#retirement) return;
    this.#retirement = this.#clock.setTimeout(() => this.close(), patience);
    if (this.#calls.size === 0) this.close();
  }

  close() {
    if (this.#state === "closed") return;
    this.#state = "closed";
    for (const timer of [this.#handshake, this.#repeat, this.#retirement]) this.#clock.clearTimeout(timer);
    this.#socket.close();
    this.#owner.lost(this);
    for (const ref of [...this.#calls.keys()]) this.#settle(ref)?.reject(new LinkLost());
  }

  #opened() {
    if (this.#state !== "connecting") return; // It was given up.
    this.#state = "open";
    this.#clock.clearTimeout(this.#handshake);
    this.heardAt = this.#clock.now();
    this.#owner.opened(this);
  }

  /** @param {unknown} data */
  #received(data) {
    if (!this.isOpen) return;
    this.heardAt = this.#clock.now();
    const frame = parseFrame(data);
    if (!frame) return;
    if (frame.type === "trouble") return this.#doubtAll();
    // The chat has lost sight of this connection, so it hears nothing either; only a new one mends that.
    if (frame.type === "refusal" && frame.refusal.code === "not_connected") return this.close();
    if (frame.type !== "disconnect") this.#owner.sensible(this);
    if (frame.type === "reply") {
      if (this.#calls.get(frame.ref ?? "")?.answered(frame.fields)) this.#answered(frame.ref ?? "");
    } else if (frame.type === "refusal") {
      this.#answered(frame.ref ?? this.#onlyCall())?.reject(frame.refusal);
    } else {
      this.#owner.heard(frame, this);
    }
  }

  /** A frame that the server could not read far enough to know its ref: it was ours if there is just one. */
  #onlyCall() {
    return this.#calls.size === 1 ? [...this.#calls.keys()].join() : "";
  }

  /** @param {string} ref */
  #answered(ref) {
    this.#backoff.reset();
    return this.#settle(ref);
  }

  /** @param {string} ref @returns {Call | undefined} that was under way */
  #settle(ref) {
    const call = this.#calls.get(ref);
    if (!call) return;
    this.#calls.delete(ref);
    this.#clock.clearTimeout(call.deadline);
    if (this.#retirement && this.#calls.size === 0) this.close();
    return call;
  }

  /** @param {string} ref */
  #transmit(ref) {
    const call = this.#calls.get(ref);
    if (!call) return;
    call.doubtful = false;
    call.deadline = this.#clock.setTimeout(() => this.close(), PATIENCE);
    this.#socket.send(call.frame);
  }

  /** API Gateway does not say what has failed. All that we ask may be asked twice: so, after a pause, it is. */
  #doubtAll() {
    for (const call of this.#calls.values()) {
      call.doubtful = true;
      this.#clock.clearTimeout(call.deadline); // The server lives; the deadline counts anew when it is asked again.
    }
    this.#repeat ??= this.#clock.setTimeout(() => {
      this.#repeat = null;
      for (const [ref, call] of [...this.#calls]) if (call.doubtful) this.#transmit(ref);
    }, this.#backoff.next());
  }
}
