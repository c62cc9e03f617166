import { fold } from "./fold.js";

const HOUR = 60 * 60_000;
const MAX_FRAME_BYTES = 32 * 1024;

/** A room's log as the server keeps it: a head that assigns the seqs, rows that may come late, and refs. */
export class Log {
  static #count = 0;
  #epoch = `epoch-${++Log.#count}`;
  head = 0;
  /** @type {Map<number, {seq: number, at: number, message: object | null, change?: object}>} null: a skipped number or a change */
  rows = new Map();
  /** @type {Map<string, number>} */
  refs = new Map();
  /** @type {{seq: number, sent: object}[]} what the stream still holds */
  stream = [];

  /** Undefined before the first message. */
  get epoch() {
    return this.head ? this.#epoch : undefined;
  }

  /** Assign a seq to what was sent, and put both into the stream. */
  commit(sent) {
    const seq = ++this.head;
    this.stream.push({ seq, sent });
    return seq;
  }

  /** Return the seq that counts for a ref, if a message was committed twice. */
  claim(seq, { ref }) {
    if (!this.refs.has(ref)) this.refs.set(ref, seq);
    return this.refs.get(ref);
  }

  /** Write the row of a seq, unless it exists: the message, or a skipped number if its ref has another seq. */
  repair(seq, sent, at) {
    const isSkipped = !sent || this.claim(seq, sent) !== seq;
    if (!this.rows.has(seq)) this.rows.set(seq, isSkipped ? { seq, at, message: null } : this.#row(seq, sent, at));
    return this.rows.get(seq);
  }

  #row(seq, sent, at) {
    if (!sent.action) return { seq, at, message: this.#counted(asMessage(seq, sent, at)) };
    const changed = this.rows.get(sent.seq);
    if (!changed?.message) return { seq, at, message: null };
    changed.message = fold(changed.message, seq, sent, new Date(at).toISOString());
    return { seq, at, message: null, change: asChange(seq, sent, at) };
  }

  /** Count a reply at the first message of its chain. @returns it, with that one's number */
  #counted({ reply_to, ...message }) {
    if (!reply_to) return message;
    const root = this.rows.get(reply_to)?.message?.root ?? reply_to;
    const row = this.rows.get(root);
    if (row?.message) row.message = { ...row.message, replies: (row.message.replies ?? 0) + 1, revision: message.seq };
    return { ...message, reply_to, root };
  }

  /** Return the fields of a frame that holds these rows. */
  asRun(rows) {
    const messages = rows.filter(({ message }) => message).map(({ message }) => message);
    const skipped = rows.filter(({ message }) => !message).map(({ seq }) => seq);
    const changed = rows.flatMap(({ change }) => change ?? []);
    const changes = changed.map((change, index) => {
      const isLast = !changed.slice(index + 1).some(({ of }) => of === change.of);
      const message = isLast && this.rows.get(change.of)?.message;
      return { ...change, ...(message && { message }) };
    });
    return { messages, ...(changes.length && { changes }), ...(skipped.length && { skipped }) };
  }

  /** Return a page of what follows `after`, up to a gap. A gap is final an hour after the row behind it was written. */
  after(after, limit, now) {
    const rows = this.#sorted((seq) => seq > after);
    let first_seq;
    const page = [];
    const fits = frameSpace();
    for (const row of rows) {
      if (row.seq !== (page.at(-1)?.seq ?? after) + 1) {
        if (page.length || now - row.at < HOUR) break;
        first_seq = row.seq;
      }
      if (page.length === limit || !fits(row)) break;
      page.push(row);
    }
    return { ...this.asRun(page), more: page.length < rows.length, ...(first_seq && { first_seq }) };
  }

  /** Return a page of the newest below `before`, down to a gap. */
  before(before, limit) {
    const rows = this.#sorted((seq) => seq < before).reverse();
    const page = [];
    const fits = frameSpace();
    for (const row of rows) {
      if (page.length === limit || !fits(row) || (page.length && row.seq !== page.at(-1).seq - 1)) break;
      page.push(row);
    }
    return { ...this.asRun(page.reverse()), more: page.length < rows.length };
  }

  /** All messages, by seq. */
  get messages() {
    return this.#sorted(() => true).filter(({ message }) => message).map(({ message }) => message);
  }

  #sorted(isWanted) {
    return [...this.rows.values()].filter(({ seq }) => isWanted(seq)).sort((a, b) => a.seq - b.seq);
  }
}

function asMessage(seq, { ref, user, name = user, message, data, reply_to, mentions }, at) {
  const time = new Date(at).toISOString();
  return { seq, id: ref, user, name, message, ...(data !== undefined && { data }), at: time, ...(reply_to && { reply_to }), ...(mentions && { mentions }) };
}

function asChange(seq, { seq: of, action: kind, user, name = user, reaction, on }, at) {
  return { seq, of, kind, user, name, at: new Date(at).toISOString(), ...(kind === "react" && { reaction, on }) };
}

/** @returns {(row: object) => boolean} adds a row to a frame; false if the frame was already full */
function frameSpace() {
  let size = 0;
  return (row) => {
    const hasSpace = size <= MAX_FRAME_BYTES - 5_000;
    size += JSON.stringify(row).length + 1;
    return hasSpace;
  };
}
