/** The moderators' actions in the rooms of a fake server. */
export class Moderation {
  actions = ["ban", "mute", "slow_mode", "lock"];
  /** @type {Map<string, number>} when the ban ends, by room and user */
  #banned = new Map();
  /** @type {Map<string, {locked?: boolean, slow_mode?: number, muted: Map<string, number>}>} by room */
  #rules = new Map();
  #server;

  constructor(server) {
    this.#server = server;
  }

  isBanned(room, user) {
    return this.#banned.get(`${room} ${user}`) > this.#server.time.now();
  }

  /** What holds for a user, as a reply to a join has it. @param {string} room @param {{user: string, isModerator: boolean}} socket */
  rules(room, { user, isModerator }) {
    const { locked = false, slow_mode = 0, muted = new Map() } = this.#rules.get(room) ?? {};
    const seconds = Math.ceil((muted.get(user) - this.#server.time.now()) / 1000);
    const mute = seconds > 0 && { muted: { until: this.#until(seconds), expires_in: seconds } };
    return { locked, slow_mode, read_only: false, moderator: isModerator, ...mute };
  }

  /** Change a room's rules, without a notice. */
  rule(room, action, { user, seconds, locked }) {
    const rules = this.#rules.get(room) ?? { muted: new Map() };
    if (action === "mute") rules.muted.set(user, this.#server.time.now() + seconds * 1000);
    if (action === "slow_mode") rules.slow_mode = seconds;
    if (action === "lock") rules.locked = locked;
    this.#rules.set(room, rules);
  }

  /** @param {any} frame @param {string} moderator - its sender's name @returns the reply */
  perform({ action, room, user, seconds, locked }, moderator) {
    if (action === "ban") return { room, user, until: this.ban(room, user, seconds, moderator), expires_in: seconds };
    this.rule(room, action, { user, seconds, locked });
    const end = user && { user, until: this.#until(seconds), expires_in: seconds };
    this.#server.sendToRoom(room, { type: "moderated", room, action, moderator, ...end, seconds, locked });
    return { room, ...(end ?? { seconds, locked }) };
  }

  /** Delete a message. */
  delete(room, seq) {
    return this.#server.change(room, seq, { action: "delete" });
  }

  /** Ban a user for so many seconds; 0 ends the ban. */
  ban(room, user, seconds, moderator = "Mod") {
    const until = this.#until(seconds);
    this.#banned.set(`${room} ${user}`, Date.parse(until));
    const end = { until, seconds, expires_in: seconds };
    this.#server.sendToRoom(room, { type: "moderated", room, action: "ban", moderator, user, ...end });
    for (const socket of seconds ? this.#server.members(room) : []) if (socket.user === user) socket.leave(room);
    return until;
  }

  #until(seconds) {
    return new Date(this.#server.time.now() + seconds * 1000).toISOString();
  }
}
