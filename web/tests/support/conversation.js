import assert from "node:assert/strict";

import { Roomcast } from "../../roomcast.js";
import { FakeSocket } from "./fake-socket.js";
import { ScriptedServer } from "./server/server.js";
import { FakeTime } from "./time.js";

const LINE = /^(>|<|\*|=|\.\.\.) (.+)$/;
/** What a user sees of a room in which nothing went wrong. */
const NOTHING_WRONG = { lost: [], resets: 0, left: null, failed: [] };

/** A server that replies to nothing by itself, and keeps what the client does until a line has named it. */
class Recorder extends ScriptedServer {
  /** @type {unknown[]} frames, and the texts of lines such as CLOSE */
  unread = [];
  delayIn = () => 0;
  delayOut = () => 0;

  constructor(time) {
    super(time);
    const recorder = this;
    this.WebSocket = class extends FakeSocket {
      constructor(url, protocols) {
        super(recorder, url, protocols);
        const rooms = this.url.searchParams.getAll("room").map((room) => `room=${encodeURIComponent(room)}`);
        const tokens = protocols.slice(1).map((protocol) => protocol.replace("token.", "token="));
        recorder.unread.push(`CONNECT ?${[...rooms, ...tokens].join("&")}`);
      }

      close() {
        if (this.readyState !== 3) recorder.unread.push("CLOSE");
        super.close();
      }
    };
  }

  receive(socket, frame) {
    assert.equal(socket, this.socket, "a frame over an older connection");
    this.unread.push(frame);
  }
}

/** What a user sees of one room. */
class View {
  messages = [];
  lost = [];
  resets = 0;
  left = null;
  stored = [];
  failed = [];

  /** @param {import("../../roomcast.js").Room} room */
  follow(room) {
    this.room = room;
    const on = (type, listener) => room.addEventListener(type, ({ detail }) => listener(detail));
    on("message", (message) => this.messages.push(message));
    for (const type of ["changed", "reactions"]) {
      on(type, (message) => {
        const place = this.messages.findIndex(({ seq }) => seq === message.seq);
        this.messages[place] = message;
      });
    }
    on("lost", ({ from, to }) => this.lost.push([from, to]));
    on("reset", () => {
      this.messages = [];
      this.resets++;
    });
    on("sent", ({ id }) => this.stored.push(id));
    on("failed", ({ id, code }) => this.failed.push([id, code]));
    on("state", ({ state, code }) => (this.left = state === "left" ? code : null));
  }

  /** Show earlier messages above the others. */
  async showEarlier() {
    const { messages } = await this.room.history();
    this.messages.unshift(...messages);
  }

  get shown() {
    return this.messages.map(({ seq, message, deleted }) => [seq, deleted ? null : message]);
  }

  get reactions() {
    return this.messages.flatMap(({ seq, reactions = [] }) => reactions.map(({ reaction, count }) => [seq, reaction, count]));
  }

  get replies() {
    return this.messages.filter(({ replies }) => replies).map(({ seq, replies }) => [seq, replies]);
  }

  get waiting() {
    return this.messages.filter(({ pending }) => pending).map(({ seq }) => seq);
  }

  get present() {
    const { members, count } = this.room;
    const people = members && [...members.values()].sort((one, other) => (one.user < other.user ? -1 : 1));
    return people ? people.map(({ name }) => name) : count;
  }
}

/** Plays a recorded conversation against the library. docs/conversations/README.md describes the form. */
class Player {
  #time = new FakeTime();
  #server = new Recorder(this.#time);
  /** @type {Map<string, unknown>} what the client has chosen, by `$name` */
  #chosen = new Map();
  /** @type {Map<string, View>} by room */
  #views = new Map();
  /** @type {import("../../roomcast.js").RoomList | undefined} from `* rooms` on */
  #list;
  #token;
  #stated = new Set();
  #pause = 0; // milliseconds that may still pass before the client does what the next lines say
  #hasActed = false; // a line since the last pause says what the client does

  #chat;

  constructor() {
    const { WebSocket } = this.#server;
    const fakes = { WebSocket, clock: this.#time, random: () => 0.5, storage: null };
    this.#chat = new Roomcast("wss://chat.test/prod", { ...fakes, name: "Ada", token: () => this.#token });
  }

  async step(mark, rest) {
    if (mark === ">") return this.#match(rest);
    await this.#endPause();
    if (mark === "*") this.#act(...rest.split(" "));
    if (mark === "<") this.#deliver(rest);
    if (mark === "=") this.#compare(...rest.split(" "));
    if (mark === "...") this.#pause = Number(rest) * 1000;
    await this.#time.pass(0);
  }

  async end() {
    await this.#endPause();
    for (const [room, view] of this.#views) {
      for (const [key, value] of Object.entries(NOTHING_WRONG)) {
        if (!this.#stated.has(`${key} ${room}`)) assert.deepEqual(view[key], value, `${key} ${room}`);
      }
      assert.ok(this.#stated.has(`shown ${room}`), `no line says what is shown of ${room}`);
    }
    this.#chat.close();
  }

  /** Let the rest of a pause pass, unless the client has done in it what it should. */
  async #endPause() {
    if (!this.#hasActed) await this.#time.pass(this.#pause);
    this.#pause = 0;
    this.#hasActed = false;
    assert.deepEqual(this.#server.unread, [], "the client has done what no line says");
  }

  /** The client does this, in the pause if there is one, and not necessarily before what else it does then. */
  async #match(text) {
    const wanted = text.startsWith("{") ? JSON.parse(text) : text;
    const find = () => this.#server.unread.findIndex((done) => this.#fits(wanted, done));
    this.#hasActed = true;
    let place = find();
    while (place < 0 && this.#pause > 0) {
      const part = Math.min(this.#time.untilNext, this.#pause);
      await this.#time.pass(part);
      this.#pause -= part;
      place = find();
    }
    if (place < 0) assert.deepEqual(this.#server.unread, [this.#filled(wanted)], "the client has not done this");
    const [done] = this.#server.unread.splice(place, 1);
    for (const [key, value] of Object.entries(wanted)) if (isName(value)) this.#chosen.set(value, done[key]);
  }

  #fits(wanted, done) {
    if (typeof wanted !== typeof done || typeof done === "string") return wanted === done;
    const unknown = Object.keys(wanted).filter((key) => isName(wanted[key]) && !this.#chosen.has(wanted[key]));
    const isFree = unknown.every((key) => ![undefined, ...this.#chosen.values()].includes(done[key]));
    const known = Object.fromEntries(unknown.map((key) => [key, done[key]]));
    return isFree && isEqual({ ...this.#filled(wanted), ...known }, done);
  }

  /** @returns a copy in which what the client has chosen stands for its `$name` */
  #filled(value) {
    return JSON.parse(JSON.stringify(value), (_, part) => (isName(part) ? this.#chosen.get(part) ?? part : part));
  }

  #deliver(text) {
    if (text === "CLOSE") return this.#server.socket.cut();
    assert.equal(this.#server.socket?.readyState, 1, "no connection is open");
    this.#server.socket.push(this.#filled(JSON.parse(text)));
  }

  #act(what, room, ...words) {
    const view = this.#views.get(room) ?? new View();
    switch (what) {
      case "token":
        this.#token = room;
        return;
      case "join": {
        this.#views.set(room, view);
        const joining = this.#chat.join(room, { history: Number(words[0]) });
        joining.then((joined) => view.follow(joined), ({ code }) => (view.left = code));
        return;
      }
      case "send":
        view.room.send(words.join(" ")).catch(() => {}); // The event tells, too.
        return;
      case "reply":
        view.room.send(words.slice(1).join(" "), { replyTo: Number(words[0]) }).catch(() => {});
        return;
      case "edit":
        view.room.edit(Number(words[0]), words.slice(1).join(" ")).catch(() => {});
        return;
      case "delete":
        view.room.delete(Number(words[0])).catch(() => {});
        return;
      case "react":
        view.room.react(Number(words[0]), words[1], words[2] !== "off").catch(() => {});
        return;
      case "earlier":
        view.showEarlier();
        return;
      case "watch":
        view.room.presence();
        return;
      case "rooms":
        this.#list = this.#chat.rooms();
        return;
      case "subscribe":
        view.room.subscribe();
        return;
      case "read":
        view.room.read(Number(words[0]));
        return;
      default:
        throw new Error(`unknown: * ${what}`);
    }
  }

  #compare(key, room, ...json) {
    this.#stated.add(`${key} ${room}`);
    const wanted = this.#filled(JSON.parse(json.join(" ")));
    const seen = key === "listed" ? this.#listed(room) : this.#views.get(room)?.[key];
    assert.deepEqual(seen, wanted, `${key} ${room}`);
  }

  /** What the list of the user's rooms says of a room. */
  #listed(name) {
    const place = this.#list?.list.find(({ room }) => room === name);
    return place ? { read: place.read, unread: place.unread, mentions: place.mentions } : null;
  }
}

const isName = (value) => typeof value === "string" && /^\$\w+$/.test(value);

function isEqual(one, other) {
  try {
    assert.deepEqual(one, other);
    return true;
  } catch {
    return false;
  }
}

/**
 * Play a recorded conversation against the library.
 *
 * @param {string} text - of a file of docs/conversations
 * @returns {Promise<void>} rejects with an error that names the line
 */
export async function play(text) {
  const player = new Player();
  for (const [index, line] of text.split("\n").entries()) {
    if (line === "" || line.startsWith("# ")) continue;
    try {
      const [, mark, rest] = LINE.exec(line) ?? assert.fail("not a line of a conversation");
      await player.step(mark, rest);
    } catch (error) {
      error.message = `line ${index + 1}: ${line}\n${error.message}`;
      throw error;
    }
  }
  await player.end();
}
