import { Backoff } from "./backoff.js";
import { SUBPROTOCOL } from "../protocol/frames.js";
import { Link } from "./socket.js";
import { lifeOf } from "./token.js";

/** Handshakes in a row that never opened, after which the server is called unreachable. */
const HANDSHAKES = 3;
/** The longest pause between tries, in milliseconds; they grow into it, so that a short outage is a short one. */
const LONGEST_PAUSE = 60_000;
/** Another socket takes over when so much of a token's life is over, or so many milliseconds; whatever is later. */
const TOKEN = { share: 0.8, least: 30_000 };

/**
 * @typedef {import("../protocol/frames.js").Frame} Frame
 * @typedef {"idle" | "connecting" | "open" | "reconnecting" | "offline" | "unreachable" | "closed"} ConnectionState
 *
 * @typedef {object} Owner
 * @property {(refused: boolean) => string} address - `refused`: the last handshake never opened
 * @property {(link: Link) => Promise<unknown>} opened - resolves when all rooms have moved there, as far as they can
 * @property {(frame: Frame, link: Link) => void} heard
 * @property {(link: Link) => void} lost
 * @property {(state: ConnectionState, code?: string) => void} entered
 *
 * @typedef {(asked: {fresh: boolean}) => string | undefined | Promise<string | undefined>} TokenSource - `fresh`: the
 *   last token has ended, is about to, or was refused
 *
 * @typedef {object} Options
 * @property {TokenSource} token
 * @property {number} lifetime - of a link, in milliseconds
 * @property {import("./socket.js").SocketClass} WebSocket
 * @property {import("./clock.js").Clock} clock
 * @property {() => number} random
 */

/**
 * Keeps one link open. Opens the next one when it is lost; and in good time before API Gateway would cut it, while it
 * still serves.
 */
export class Connection {
  /** @type {ConnectionState} */
  state = "idle";
  /** @type {Link | null} the newest that is open */
  link = null;
  /** @type {Set<Link>} all that are open: older ones too, until they have had their answers */
  #links = new Set();
  /** @type {Link | null} whose handshake is under way */
  #next = null;
  /** @type {object | null} the try that is under way */
  #attempt = null;
  #unopened = 0; // handshakes in a row
  #expired = false; // the token, or it is about to
  #endsAt = Infinity; // when the newest token does, if it says so
  /** @type {any} */
  #retry = null;
  /** @type {any} */
  #handOver = null;
  #backoff;
  #owner;
  #options;

  /** @param {Owner} owner @param {Options} options */
  constructor(owner, options) {
    this.#owner = owner;
    this.#options = options;
    this.#backoff = new Backoff(options.random, { longest: LONGEST_PAUSE });
  }

  /** Begins, at the first call. */
  open() {
    if (this.state !== "idle") return;
    this.#enter("connecting");
    this.#connect();
  }

  /** Does not wait any longer, if it waits. */
  hurry() {
    if (this.link || this.#attempt || this.state === "idle" || this.state === "closed") return;
    this.#enter("reconnecting");
    this.#connect();
  }

  /** PresenceUpdate to another socket, because its address is another now. */
  renew() {
    if (!this.link && !this.#attempt) return; // The next one will have it anyway.
    this.#abandon();
    this.#connect();
  }

  /** There is no network: does not wait until sockets notice. */
  goOffline() {
    if (this.state === "idle" || this.state === "closed") return;
    this.#enter("offline");
    this.#dropAll();
    // A browser may be wrong about it, above all with a server on the same machine.
    this.#later(this.#options.random() * LONGEST_PAUSE);
  }

  /** For good. @param {string} code - why */
  close(code) {
    if (this.state === "closed") return;
    this.#enter("closed", code);
    this.#dropAll();
  }

  async #connect() {
    this.#options.clock.clearTimeout(this.#retry);
    const attempt = (this.#attempt = {});
    try {
      const hasEnded = this.#expired || this.#options.clock.now() >= this.#endsAt;
      const token = await this.#options.token({ fresh: hasEnded || this.#unopened >= HANDSHAKES - 1 });
      if (attempt !== this.#attempt) return;
      this.#endsAt = this.#options.clock.now() + lifeOf(token ?? "", this.#options.clock.now());
      const protocols = token ? [SUBPROTOCOL, `token.${token}`] : [SUBPROTOCOL];
      /** @type {import("./socket.js").Owner} */
      const owner = {
        opened: (link) => this.#opened(link),
        heard: (frame, link) => this.#heard(frame, link),
        sensible: () => this.#backoff.reset(),
        lost: (link) => this.#lost(link),
      };
      this.#next = new Link(this.#owner.address(this.#unopened > 0), protocols, owner, this.#options);
    } catch {
      // No token to be had, or one that can be no subprotocol.
      if (attempt === this.#attempt) this.#failed();
    }
  }

  /** @param {Link} link */
  async #opened(link) {
    this.#next = null;
    this.#attempt = null;
    this.#unopened = 0;
    this.#expired = false;
    this.link = link;
    this.#links.add(link);
    this.#enter("open");
    this.#planHandOver();
    await this.#owner.opened(link);
    if (!link.isOpen) return;
    for (const older of this.#links) if (older !== link) older.retire();
  }

  /** Before API Gateway cuts the socket, and before the server closes it because its token has ended. */
  #planHandOver() {
    const { clock, lifetime } = this.#options;
    const life = Math.max((this.#endsAt - clock.now()) * TOKEN.share, TOKEN.least);
    clock.clearTimeout(this.#handOver);
    this.#handOver = clock.setTimeout(() => {
      this.#expired ||= life < lifetime;
      if (!this.#attempt) this.#connect();
    }, Math.min(life, lifetime));
  }

  /** @param {Frame} frame @param {Link} link */
  #heard(frame, link) {
    if (frame.type !== "disconnect") return this.#owner.heard(frame, link);
    if (!frame.reconnect) return this.close(frame.code);
    this.#expired ||= frame.code === "token_expired";
    link.close(); // The server is about to.
  }

  /** @param {Link} link */
  #lost(link) {
    if (link === this.#next) return this.#failed();
    if (!this.#links.delete(link)) return; // given up before it opened
    this.#owner.lost(link);
    if (link !== this.link) return;
    this.link = null;
    this.#options.clock.clearTimeout(this.#handOver);
    if (this.state !== "open") return;
    this.#enter("reconnecting");
    if (!this.#attempt) this.#later(this.#backoff.next());
  }

  #failed() {
    this.#next = null;
    this.#attempt = null;
    this.#unopened++;
    const unreachable = this.#unopened >= HANDSHAKES;
    if (!this.link && this.state !== "offline") this.#enter(unreachable ? "unreachable" : "reconnecting");
    this.#later(this.#backoff.next());
  }

  /** Gives up the try that is under way. */
  #abandon() {
    this.#options.clock.clearTimeout(this.#retry);
    this.#attempt = null;
    const next = this.#next;
    this.#next = null; // Before it is closed, which must not count as a try that failed.
    next?.close();
  }

  #dropAll() {
    this.#abandon();
    for (const link of this.#links) link.close();
  }

  /** @param {number} delay */
  #later(delay) {
    this.#options.clock.clearTimeout(this.#retry);
    this.#retry = this.#options.clock.setTimeout(() => this.#connect(), delay);
  }

  /** @param {ConnectionState} state @param {string} [code] */
  #enter(state, code) {
    if (state === this.state) return;
    this.state = state;
    this.#owner.entered(state, code);
  }
}
