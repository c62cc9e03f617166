// A chat in the page itself: a WebSocket that answers as the server does, for what measures or tries the page alone.
// `chat` tells it what to do. Times are those of the page's clock.
(() => {
  const EPOCH = "scripted";
  const PEOPLE = ["Grace", "Ken", "Radia", "Barbara", "Edsger"];
  const ME = { user: "u-ada", name: "Ada" };
  /** @type {Map<string, any[]>} the messages of each room, oldest first: the seq is the index + 1 */
  const rooms = new Map();
  const sockets = new Set();
  const logOf = (room) => rooms.get(room) ?? rooms.set(room, []).get(room);

  class ScriptedSocket extends EventTarget {
    static OPEN = 1;
    readyState = 0;
    protocol = "roomcast.v1";

    constructor() {
      super();
      sockets.add(this);
      setTimeout(() => {
        if (chat.isDown) return this.close();
        this.readyState = 1;
        this.dispatchEvent(new Event("open"));
      });
    }

    send(text) {
      const frame = JSON.parse(text);
      chat.requests.push(frame);
      if (chat.isDown) return;
      const error = chat.failing.has(frame.action) && { status: "error", code: "forbidden", detail: "" };
      const answer = error || { status: "ok", ...answers[frame.action]?.(frame) };
      setTimeout(() => this.receive({ type: "reply", ref: frame.ref, ...answer }), chat.delay);
    }

    receive(frame) {
      if (sockets.has(this)) this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(frame) }));
    }

    close() {
      if (sockets.delete(this)) this.dispatchEvent(new Event("close"));
    }
  }

  const answers = {
    join({ room, after }) {
      const log = logOf(room);
      const rules = { locked: false, slow_mode: 0, read_only: false, moderator: false, ...chat.rules };
      const page = after === undefined ? {} : { messages: log.slice(after), more: false };
      return { room, seq: log.length, epoch: EPOCH, ...ME, rules, ...page };
    },
    history({ room, before, after, limit = 100 }) {
      const log = logOf(room);
      const [from, to] = after === undefined ? [Math.max(0, before - 1 - limit), before - 1] : [after, after + limit];
      const more = after === undefined ? from > 0 : to < log.length;
      return { room, epoch: EPOCH, messages: log.slice(from, to), more };
    },
    send({ room, ref, message }) {
      const [sent] = chat.say(room, [{ ...ME, id: ref, message }]);
      return { room, seq: sent.seq, id: ref, at: sent.at };
    },
    presence: ({ room }) => ({ room, members: [ME, ...chat.people], count: 1 + chat.people.length }),
    ping: ({ rooms: names = [] }) => ({
      pong: true,
      heads: Object.fromEntries(names.map((room) => [room, { seq: logOf(room).length, epoch: EPOCH }])),
    }),
    rooms: () => ({ you: ME, rooms: chat.listed, more: false }),
    subscribe: ({ room }) => ({ room, seq: logOf(room).length, read: logOf(room).length, unread: 0, mentions: 0, muted: false, since: "" }),
    read: ({ room, seq }) => ({ room, read: seq, unread: 0, mentions: 0 }),
  };

  function write(room, { at = new Date().toISOString(), ...message } = {}) {
    const log = logOf(room);
    const seq = log.length + 1;
    const name = PEOPLE[(seq >> 1) % PEOPLE.length];
    const written = { seq, id: `${room}-${seq}`, user: `u-${name}`, name, message: `message ${seq}`, at, ...message };
    log.push(written);
    return written;
  }

  const chat = {
    /** Milliseconds until a reply. */
    delay: 5,
    /** No socket opens, and nothing is answered. */
    isDown: false,
    /** The actions that are answered with an error. */
    failing: new Set(),
    /** What holds for the user in each room, if it is not what holds for all. */
    rules: {},
    /** The rooms that the user follows, as the server lists them. */
    listed: [],
    /** The others who are here. */
    people: [],
    /** The frames that the page has sent. */
    requests: [],

    /** Let messages have been written before the page came. @param {number | object[]} messages - how many, or what they have */
    begin(room, messages) {
      const all = typeof messages === "number" ? Array.from({ length: messages }, () => ({})) : messages;
      for (const message of all) write(room, message);
    },

    /** Broadcast something else than messages. @param {object} frame */
    tell(frame) {
      for (const socket of sockets) setTimeout(() => socket.receive(frame));
    },

    /** Broadcast messages of others in one frame. @param {object[]} messages - what is special in each */
    say(room, messages = [{}]) {
      const written = messages.map((message) => write(room, message));
      chat.tell({ type: "messages", room, epoch: EPOCH, messages: written });
      return written;
    },

    /**
     * Broadcast so many messages a second, so many in a frame, by a schedule that does not wait for the page. Each frame
     * is a task of its own, as a browser makes them.
     */
    async storm(room, { perSecond, seconds, perFrame = 1 }) {
      const wire = new MessageChannel();
      wire.port2.onmessage = ({ data }) => sockets.forEach((socket) => socket.receive(data));
      const total = perSecond * seconds;
      const began = performance.now();
      for (let sent = 0; sent < total; ) {
        const due = Math.min(total, Math.floor(((performance.now() - began) * perSecond) / 1000));
        for (; sent + perFrame <= due || (due === total && sent < total); sent += perFrame) {
          const frame = { type: "messages", room, epoch: EPOCH, messages: Array.from({ length: perFrame }, () => write(room)) };
          wire.port1.postMessage(frame);
        }
        await new Promise((resolve) => setTimeout(resolve));
      }
      return logOf(room).length;
    },

    /** Let a message change. */
    change(room, seq, change) {
      Object.assign(logOf(room)[seq - 1], change);
    },

    /** Hold no message any more, so that the page's memory can be measured. */
    forget: () => rooms.clear(),

    cut: () => [...sockets].forEach((socket) => socket.close()),
  };
  window.chat = chat;
  window.WebSocket = ScriptedSocket;
})();
