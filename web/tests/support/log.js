const HOUR = 60 * 60_000;
const MAX_FRAME_BYTES = 32 * 1024;

/** A room's log as the server keeps it: a head that assigns the seqs, rows that may come late, and refs. */
export class Log {
  static #count = 0;
  #epoch = `epoch-${++Log.#count}`;
  head = 0;
  /** @type {Map<number, {seq: number, at: number, message: object | null}>} null: a skipped number */
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
    if (!this.rows.has(seq)) this.rows.set(seq, { seq, at, message: isSkipped ? null : asMessage(seq, sent, at) });
    return this.rows.get(seq);
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
    return { ...asRun(page), more: page.length < rows.length, ...(first_seq && { first_seq }) };
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
    return { ...asRun(page.reverse()), more: page.length < rows.length };
  }

  /** All messages, by seq. */
  get messages() {
    return this.#sorted(() => true).filter(({ message }) => message).map(({ message }) => message);
  }

  #sorted(isWanted) {
    return [...this.rows.values()].filter(({ seq }) => isWanted(seq)).sort((a, b) => a.seq - b.seq);
  }
}

function asMessage(seq, { ref, user, name = user, message, data }, at) {
  const time = new Date(at).toISOString();
  return { seq, id: ref, user, name, message, ...(data !== undefined && { data }), at: time };
}

/** Return the fields of a frame that holds these rows. */
export function asRun(rows) {
  const messages = rows.filter(({ message }) => message).map(({ message }) => message);
  const skipped = rows.filter(({ message }) => !message).map(({ seq }) => seq);
  return { messages, ...(skipped.length && { skipped }) };
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
