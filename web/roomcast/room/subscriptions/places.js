import { RoomcastError } from "../../protocol/error.js";
import { rooms } from "../../protocol/subscriptions.js";

/** In characters, as the server cuts the newest message of a room. */
const MAX_SHOWN = 200;
/** Milliseconds between two lists, however often the page is shown: whoever switches between tabs asks for no more. */
const REFRESH_INTERVAL = 30_000;

/**
 * @typedef {import("../../protocol/entries.js").Message} Message
 * @typedef {import("../../protocol/subscriptions.js").Mark} Mark
 * @typedef {import("../../protocol/subscriptions.js").Newest} Newest
 * @typedef {import("../../protocol/subscriptions.js").Place} Place
 * @typedef {import("./subscription.js").Subscription} Subscription
 * @typedef {import("./subscription.js").Watcher} Watcher
 */

/**
 * A person's places in all rooms that they follow: read from the server a page at a time, and kept up to date by its
 * notices and by the messages of the rooms that are joined.
 *
 * @implements {Watcher}
 */
export class Places {
  /** @type {Map<string, Place>} by room */
  #places = new Map();
  /** @type {Set<string>} the rooms whose places have changed since the list is being read */
  #touched = new Set();
  /** @type {Set<string>} those of them that a notice has told of: it is newer than the list */
  #noticed = new Set();
  /** @type {Map<string, number>} by room, the highest mark with which a notice or a list has told of the rest */
  #told = new Map();
  /** @type {AbortController | null} of the list that is being read */
  #loading = null;
  /** @type {Set<string>} the rooms whose places have what the server does not */
  #wrong = new Set();
  #requestedAt = -Infinity; // when the list was
  #user = ""; // whose places they are
  isComplete = false;
  #isLive = false;
  #tools;

  /**
   * @param {{ask: import("./requests.js").Ask, subscription: (room: string) => Subscription | undefined,
   *   onChange: () => void, onError: (error: RoomcastError) => void, clock: import("../../transport/clock.js").Clock}}
   *   tools - `subscription`: of a joined room
   */
  constructor(tools) {
    this.#tools = tools;
  }

  /** @returns {ReadonlyMap<string, Place>} by room */
  get all() {
    return this.#places;
  }

  /** Begin to keep the list. */
  start() {
    if (this.#isLive) return;
    this.#isLive = true;
    this.load();
  }

  /** A socket is open, or something has happened that only the server can tell: read the whole list again. */
  async load() {
    if (!this.#isLive) return;
    this.#loading?.abort();
    this.#requestedAt = this.#tools.clock.elapsed();
    const loading = (this.#loading = new AbortController());
    this.#touched.clear();
    this.#noticed.clear();
    try {
      const found = await this.#read(loading.signal);
      if (loading.signal.aborted) return;
      for (const room of this.#places.keys()) if (!found.has(room) && !this.#touched.has(room)) this.#places.delete(room);
      this.isComplete = true;
      this.#tools.onChange();
    } catch (error) {
      if (loading.signal.aborted) return;
      if (!(error instanceof RoomcastError)) throw error;
      if (error.code !== "closed") this.#tools.onError(error);
    }
  }

  /** The page is shown again. Of messages in rooms that are not joined only a list tells. */
  refresh() {
    if (this.#tools.clock.elapsed() - this.#requestedAt >= REFRESH_INTERVAL) this.load();
  }

  /** @param {import("../../protocol/subscriptions.js").NoticeFrame} notice */
  onNotice({ room, place }) {
    if (!place) return this.onEnd(room);
    this.#tools.subscription(room)?.onServerMark(place.read);
    if (!this.#isLive) return;
    this.#noticed.add(room);
    this.#noteTold(room, place.read);
    const known = this.#places.get(room);
    const isSame = known?.since === place.since;
    const { seq = isSame ? known.seq : place.read } = place;
    const before = known && place.read >= known.read ? withoutMention(known) : known; // The newest was perhaps deleted.
    this.#set(room, this.#merged(isSame ? before : undefined, { ...place, seq }, { isNewer: true }));
    if (!known || !isSame) this.load(); // The notice does not have the room's newest message.
  }

  /** @param {string} room @param {Place} place */
  onPlace(room, place) {
    const known = this.#places.get(room);
    this.#set(room, this.#merged(known?.since === place.since ? known : undefined, place, { isNewer: true }));
    if (!known) this.load();
  }

  /** @param {string} room */
  onEnd(room) {
    this.#touched.add(room);
    if (this.#places.delete(room)) this.#tools.onChange();
  }

  onReset() {
    this.#told.clear(); // The marks of another log.
    this.load();
  }

  /** @param {Subscription} subscription @param {number} seq */
  onMark({ room }, seq) {
    const place = this.#places.get(room);
    if (place) this.#set(room, readUpTo(place, seq));
  }

  /** @param {string} room @param {Mark} mark */
  onMarkStored(room, mark) {
    const place = this.#places.get(room);
    // A notice with this mark is as new as the reply, and may count what came since.
    const isTold = place?.read === mark.read && this.#told.get(room) === mark.read;
    if (place && !isTold) this.#set(room, this.#merged(place, { ...place, ...mark }, { isNewer: true }));
  }

  /** @param {string} room @param {string} code */
  onMarkFailed(room, code) {
    if (code === "not_subscribed") return this.onEnd(room);
    this.#wrong.add(room);
    this.load();
  }

  /** @param {Subscription} subscription @param {Message} message */
  onMessage(subscription, message) {
    const { room, user } = subscription;
    const { seq } = message;
    const isMine = message.user === user;
    if (isMine) subscription.onServerMark(seq); // Who writes has read so far.
    const known = this.#places.get(room);
    if (!known) return;
    let place = known;
    if (seq > known.seq) place = { ...place, seq, unread: place.unread + 1 };
    place = { ...place, newest: newestOf(shown(message), known.newest) };
    this.#set(room, isMine ? readUpTo(place, seq) : place);
  }

  /** @param {Subscription} subscription @param {Message} message */
  onChanged({ room }, message) {
    const place = this.#places.get(room);
    if (place?.newest?.seq === message.seq) this.#set(room, { ...place, newest: shown(message) });
  }

  /** @param {AbortSignal} signal @returns {Promise<Set<string>>} the rooms that were found */
  async #read(signal) {
    /** @type {Set<string>} */
    const found = new Set();
    /** @type {string | undefined} */
    let after;
    for (let more = true; more; ) {
      const page = await this.#tools.ask(() => rooms({ after }), signal);
      if (this.#user && page.you.user !== this.#user) {
        this.#places.clear(); // A token of another user has come.
        this.#told.clear();
      }
      this.#user = page.you.user;
      for (const [room, place] of page.places) {
        found.add(room);
        this.#noteTold(room, place.read);
        const isTouched = this.#touched.has(room);
        const known = this.#places.get(room);
        if (isTouched && !known) continue; // It has ended since.
        const isTrusted = known?.since === place.since && !this.#wrong.delete(room);
        const base = isTrusted ? known : undefined;
        const hasMentions = !this.#noticed.has(room);
        this.#store(room, this.#merged(base, place, { isNewer: !isTouched, hasMentions }));
      }
      this.#tools.onChange();
      after = [...page.places.keys()].at(-1);
      more = page.more && after !== undefined;
    }
    return found;
  }

  /**
   * Return what is true of a place if both are, each at its time. Marks and numbers only rise.
   *
   * @param {Place | undefined} known @param {Place} told - by the server
   * @param {{isNewer: boolean, hasMentions?: boolean}} order - `isNewer`: what the server tells is newer where no number
   *   says so; `hasMentions`: of two with one mark, its mentions count. Messages tell of none, notices do
   * @returns {Place}
   */
  #merged(known, told, { isNewer, hasMentions = true }) {
    if (!known) return told;
    const ahead = known.seq > told.seq ? known : told; // counts further
    const behind = ahead === told ? known : told;
    const read = Math.max(known.read, told.read);
    const isTold = told.read > known.read || (told.read === known.read && hasMentions);
    const marked = isTold ? told : known; // is read further
    const unread = ahead.read >= behind.read ? ahead.unread : Math.min(ahead.unread, Math.max(0, ahead.seq - read));
    const [newer, older] = isNewer ? [told, known] : [known, told];
    const newest = newestOf(newer.newest, older.newest);
    const mention = marked.mentions > 0 ? (marked.mention ?? known.mention) : undefined;
    const { mentions } = marked;
    const settings = { muted: newer.muted, since: newer.since };
    return { seq: ahead.seq, read, unread, mentions, ...settings, ...(newest && { newest }), ...(mention && { mention }) };
  }

  /** @param {string} room @param {number} read */
  #noteTold(room, read) {
    this.#told.set(room, Math.max(read, this.#told.get(room) ?? 0));
  }

  /** @param {string} room @param {Place} place */
  #set(room, place) {
    this.#touched.add(room);
    this.#store(room, place);
    this.#tools.onChange();
  }

  /** @param {string} room @param {Place} place */
  #store(room, place) {
    if (!this.#isLive) return;
    const subscription = this.#tools.subscription(room);
    const shownPlace = readUpTo(place, subscription?.pendingMark ?? 0);
    const unread = subscription?.messagesAfter(shownPlace.read, shownPlace.seq) ?? shownPlace.unread;
    this.#places.set(room, { ...shownPlace, unread });
  }
}

/** @param {Place} place @returns {Place} */
function withoutMention({ mention: _, ...others }) {
  return others;
}

/** @param {Place} place @param {number} read @returns {Place} as it is once the person has read so far */
function readUpTo(place, read) {
  if (read <= place.read) return place;
  const unread = read >= place.seq ? 0 : Math.min(place.unread, place.seq - read);
  const hasNone = unread === 0 || (place.mention && place.mention.seq <= read);
  return hasNone ? { ...withoutMention(place), read, unread, mentions: 0 } : { ...place, read, unread };
}

/** @param {Newest | undefined} newer @param {Newest | undefined} older @returns {Newest | undefined} */
function newestOf(newer, older) {
  if (!newer || !older || newer.seq !== older.seq) return (older?.seq ?? 0) > (newer?.seq ?? 0) ? older : newer;
  return older.deleted ? older : newer; // A deletion is for good.
}

/** @param {Message} message @returns {Newest} */
function shown({ seq, user, name, message, at, deleted }) {
  const text = [...message].slice(0, MAX_SHOWN).join("");
  return { seq, user, name, message: text, at, ...(deleted && { deleted }) };
}
