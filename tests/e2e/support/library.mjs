/**
 * Host clients of the library at the path of the first argument, for tests in Python. Each line of the input is a
 * command, {"id", "do", "client", ...}. Each line of the output is a reply, {"id", "ok"} or {"id", "code", "detail"}.
 */
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { Roomcast } = await import(pathToFileURL(process.argv[2]).href);

const KILLED = Symbol("killed");

/** How a message looks: its seq, text, reactions with their counts, and if it is deleted or has a pending change. */
function lookOf({ seq, message: text, reactions = [], deleted = false, pending = false }) {
  return { seq, text, reactions: Object.fromEntries(reactions.map((each) => [each.reaction, each.count])), deleted, pending };
}

/** Records the events of a room since it was joined. */
class RoomRecorder {
  messages = []; // [seq, id, text]
  changed = []; // the seqs of messages that were shown and have changed since
  forms = []; // how they looked then, by `lookOf`, with reactions too
  looks = new Map(); // how each message looks now, by seq
  gaps = []; // [from, to]
  resets = 0;
  acknowledged = []; // [id, seq]
  failed = []; // [id, code]
  failedChanges = []; // [action, seq of the message, code]
  #waiting = [];

  constructor(room) {
    this.room = room;
    room.addEventListener("message", ({ detail }) => this.#onMessage(detail));
    room.addEventListener("changed", ({ detail }) => this.changed.push(detail.seq));
    for (const type of ["changed", "reactions"]) {
      room.addEventListener(type, ({ detail }) => {
        this.forms.push(lookOf(detail));
        if (this.looks.has(detail.seq)) this.looks.set(detail.seq, lookOf(detail));
      });
    }
    room.addEventListener("lost", ({ detail }) => this.gaps.push([detail.from, detail.to]));
    room.addEventListener("reset", () => this.resets++);
    room.addEventListener("sent", ({ detail: { id, seq } }) => this.acknowledged.push([id, seq]));
    room.addEventListener("failed", ({ detail: { id, code, action, of } }) => {
      this.failed.push([id, code]);
      if (action) this.failedChanges.push([action, of ?? null, code]);
    });
  }

  /** Resolves when there are `count` messages, and one with this seq or a later one. */
  until({ count = 0, seq = 0 }) {
    const isReached = () => this.messages.length >= count && (this.messages.at(-1)?.[0] ?? 0) >= seq;
    return isReached() ? undefined : new Promise((resolve) => this.#waiting.push({ isReached, resolve }));
  }

  #onMessage(message) {
    this.looks.set(message.seq, lookOf(message));
    this.messages.push([message.seq, message.id, message.message]);
    for (const { isReached, resolve } of this.#waiting) if (isReached()) resolve();
    this.#waiting = this.#waiting.filter(({ isReached }) => !isReached());
  }
}

/**
 * What a browser gives a page: timers, sockets, a storage, and network events. When the tab is killed, its timers and
 * sockets stop, and only the content of the storage stays.
 */
class Tab {
  alive = true;
  window = new EventTarget();
  socketLogs = []; // the events of each socket: [name, milliseconds]
  frames = 0; // that the library sent
  joins = []; // [room, after] of each frame that joins a room; after: null at the first time
  received = {}; // how many frames came of each type
  #began = performance.now();
  #sockets = [];

  constructor(stored) {
    const tab = this;
    this.clock = {
      now: () => Date.now(),
      elapsed: () => performance.now(),
      setTimeout: (action, delay) => setTimeout(() => this.alive && action(), delay),
      clearTimeout: (timer) => clearTimeout(timer),
    };
    this.storage = {
      getItem: (key) => stored.get(key) ?? null,
      setItem: (key, value) => this.alive && stored.set(key, String(value)),
      removeItem: (key) => this.alive && stored.delete(key),
    };
    this.WebSocket = class extends WebSocket {
      #log = [];
      #joining = new Set();

      constructor(url, protocols) {
        super(url, protocols);
        tab.#sockets.push(this);
        tab.socketLogs.push(this.#log);
        this.addEventListener("open", () => this.#record("open"));
        this.addEventListener("close", () => this.#record("closed"));
        this.addEventListener("message", ({ data }) => {
          const frame = JSON.parse(data || "{}");
          tab.received[frame.type] = (tab.received[frame.type] ?? 0) + 1;
          if (frame.status === "ok" && this.#joining.delete(frame.ref)) this.#record("joined");
        });
      }

      addEventListener(type, listener, options) {
        super.addEventListener(type, (event) => tab.alive && listener.call(this, event), options);
      }

      send(data) {
        const frame = JSON.parse(data);
        if (frame.action === "join") {
          this.#joining.add(frame.ref);
          tab.joins.push([frame.room, frame.after ?? null]);
        }
        tab.frames++;
        super.send(data);
      }

      close(...reason) {
        this.#record("closing");
        super.close(...reason);
      }

      #record(name) {
        this.#log.push([name, performance.now() - tab.#began]);
      }
    };
    this.killed = new Promise((resolve) => {
      this.kill = () => {
        this.alive = false;
        for (const socket of this.#sockets) socket.close();
        resolve(KILLED);
      };
    });
  }
}

class Client {
  states = [];
  errors = []; // {action, room, code, detail}
  rooms = new Map();

  constructor(url, options, stored) {
    this.tab = new Tab(stored);
    const { clock, storage, WebSocket, window } = this.tab;
    globalThis.addEventListener = window.addEventListener.bind(window); // The library looks for it; Node has none.
    this.chat = new Roomcast(url, { ...options, clock, storage, WebSocket });
    this.chat.addEventListener("state", ({ detail }) => this.states.push(detail.state));
    this.chat.addEventListener("error", ({ detail }) => this.errors.push(detail));
  }

  async join(name, options) {
    const room = await this.chat.join(name, options);
    if (this.rooms.get(name)?.room !== room) this.rooms.set(name, new RoomRecorder(room));
  }
}

const clients = new Map();
const stored = new Map(); // the content of each client's sessionStorage

const commands = {
  open({ client, url, options, fresh }) {
    if (fresh || !stored.has(client)) stored.set(client, new Map());
    clients.set(client, new Client(url, options, stored.get(client)));
  },
  join: ({ client, room, options }) => clients.get(client).join(room, options),
  send: ({ client, room, message, options }) => recorder(client, room).room.send(message, options),
  async leave({ client, room }) {
    await recorder(client, room).room.leave();
  },
  edit: ({ client, room, target, message, options }) => recorder(client, room).room.edit(target, message, options),
  delete: ({ client, room, target }) => recorder(client, room).room.delete(target),
  react: ({ client, room, target, reaction, on }) => recorder(client, room).room.react(target, reaction, on),
  subscribe: ({ client, room, options }) => recorder(client, room).room.subscribe(options),
  unsubscribe: ({ client, room }) => recorder(client, room).room.unsubscribe(),
  read: ({ client, room, seq }) => recorder(client, room).room.read(seq),
  /** Return the user's list of rooms when it is complete and these of its rooms have these fields. */
  async rooms({ client, expected }) {
    const rooms = clients.get(client).chat.rooms();
    const placeOf = (room) => rooms.list.find((place) => place.room === room);
    const isAsExpected = ([room, fields]) => {
      const place = placeOf(room);
      return fields === null ? !place : Object.entries(fields).every(([name, value]) => place?.[name] === value);
    };
    while (!rooms.isComplete || !Object.entries(expected).every(isAsExpected)) {
      await new Promise((resolve) => rooms.addEventListener("changed", resolve, { once: true }));
    }
    return rooms.list;
  },
  async inbox({ client }) {
    const { rooms, chat } = clients.get(client);
    const room = await chat.inbox;
    if (rooms.get(room.name)?.room !== room) rooms.set(room.name, new RoomRecorder(room));
    return room.name;
  },
  close: ({ client }) => clients.get(client).chat.close(),
  kill: ({ client }) => clients.get(client).tab.kill(),
  /** Dispatch an event of the browser: "online" or "offline". */
  dispatch({ client, event }) {
    clients.get(client).tab.window.dispatchEvent(new Event(event));
  },
  until: ({ client, room, ...condition }) => recorder(client, room).until(condition),
  events({ client, room }) {
    const { room: { pending, pendingChanges = [] }, looks: _, ...recorded } = recorder(client, room);
    return { ...recorded, pending: pending.map(({ id, message }) => [id, message]), pendingChanges };
  },
  /** Return how the newest messages that were shown look now. */
  looks: ({ client, room, newest }) => [...recorder(client, room).looks.values()].slice(newest ? -newest : 0),
  /** Return what all clients have stored. */
  stored: () => JSON.stringify([...stored.values()].map((each) => [...each])),
  connectionLog({ client }) {
    const { states, errors, tab: { socketLogs: sockets, frames, joins, received } } = clients.get(client);
    return { states, errors, sockets, frames, joins, received };
  },
  /** Return the messages before those that were shown, by pages, the newest page first. */
  async readBack({ client, room, limit }) {
    const pages = [];
    for (let more = true; more; ) {
      const page = await recorder(client, room).room.history({ limit });
      pages.push(page.messages.map(({ seq, id, message }) => [seq, id, message]));
      more = page.more;
    }
    return pages;
  },
};

const recorder = (client, room) => clients.get(client).rooms.get(room);

function reply(id, fields) {
  process.stdout.write(`${JSON.stringify({ id, ...fields })}\n`);
}

async function run({ id, do: command, ...fields }) {
  const tab = clients.get(fields.client)?.tab;
  try {
    const work = Promise.resolve(commands[command](fields));
    // If both have settled, the first wins: a killed tab still replies to commands that take no time.
    const result = await (tab && command !== "kill" ? Promise.race([work, tab.killed]) : work);
    reply(id, result === KILLED ? { code: "killed", detail: "" } : { ok: result ?? null });
  } catch ({ code = "bug", message, stack }) {
    reply(id, { code, detail: code === "bug" ? stack : message });
  }
}

createInterface({ input: process.stdin })
  .on("line", (line) => run(JSON.parse(line)))
  .on("close", () => process.exit());
