/** What moderators do in the rooms of a server. */
export class Moderation {
  acts = ["delete", "ban", "mute", "slow_mode", "lock"];
  /** @type {Map<string, number>} until when, by room and user */
  #banned = new Map();
  #server;

  constructor(server) {
    this.#server = server;
  }

  isOut(room, user) {
    return this.#banned.get(`${room} ${user}`) > this.#server.time.now();
  }

  /** @param {any} frame - of a moderator called `by` @returns the answer */
  act({ action, room, user, seq, seconds, locked }, by) {
    if (action === "delete") this.delete(room, seq);
    if (action === "delete") return { room, seq };
    if (action === "ban") return { room, user, until: this.ban(room, user, seconds, by) };
    const what = user ? { user, until: this.#until(seconds) } : { seconds, locked };
    this.#server.tellAll(room, { type: "moderated", room, action, moderator: by, ...what });
    return { room, ...what };
  }

  /** Takes the text of a message away. */
  delete(room, seq) {
    const row = this.#server.log(room).rows.get(seq);
    const { data: _, ...message } = { ...row.message, message: "", deleted: true };
    row.message = message;
    this.#server.tellAll(room, { type: "changed", room, messages: [message] });
  }

  /** Sends somebody out for so many seconds; 0 ends it. */
  ban(room, user, seconds, by = "Mod") {
    const until = this.#until(seconds);
    this.#banned.set(`${room} ${user}`, Date.parse(until));
    this.#server.tellAll(room, { type: "moderated", room, action: "ban", moderator: by, user, until });
    for (const socket of seconds ? this.#server.members(room) : []) if (socket.user === user) socket.leave(room);
    return until;
  }

  #until(seconds) {
    return new Date(this.#server.time.now() + seconds * 1000).toISOString();
  }
}
