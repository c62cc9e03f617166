const HOUR = 60 * 60_000;
const MAX_FRAME_BYTES = 32 * 1024;

/** A room's log as the server keeps it: a head that gives out the seqs, rows that may come late, and refs. */
export class Log {
  head = 0;
  /** @type {Map<number, {seq: number, at: number, message: object | null}>} null is a void */
  rows = new Map();
  /** @type {Map<string, number>} */
  refs = new Map();
  /** @type {{seq: number, letter: object}[]} what the stream still holds */
  stream = [];

  /** Gives a seq to a letter; the stream has it from then on. */
  commit(letter) {
    const seq = ++this.head;
    this.stream.push({ seq, letter });
    return seq;
  }

  /** The ref decides which seq counts, wherever a letter was committed twice. */
  decide(seq, { ref }) {
    if (!this.refs.has(ref)) this.refs.set(ref, seq);
    return this.refs.get(ref);
  }

  /** Puts the row of a seq, if it is not there: the message, or a void where the ref went to another seq. */
  settle(seq, letter, at) {
    const isVoid = !letter || this.decide(seq, letter) !== seq;
    if (!this.rows.has(seq)) this.rows.set(seq, { seq, at, message: isVoid ? null : asMessage(seq, letter, at) });
    return this.rows.get(seq);
  }

  /** What follows `after`, as far as it is without a hole. `now` tells whether a hole may still be filled. */
  after(after, limit, now) {
    const rows = this.#sorted((seq) => seq > after);
    let first_seq;
    const page = [];
    const fits = room();
    for (const row of rows) {
      if (row.seq !== (page.at(-1)?.seq ?? after) + 1) {
        if (page.length || now - row.at < HOUR) break;
        first_seq = row.seq;
      }
      if (page.length === limit || !fits(row)) break;
      page.push(row);
    }
    return { ...framed(page), more: page.length < rows.length, ...(first_seq && { first_seq }) };
  }

  /** The newest below `before`, down to a hole. */
  before(before, limit) {
    const rows = this.#sorted((seq) => seq < before).reverse();
    const page = [];
    const fits = room();
    for (const row of rows) {
      if (page.length === limit || !fits(row) || (page.length && row.seq !== page.at(-1).seq - 1)) break;
      page.push(row);
    }
    return { ...framed(page.reverse()), more: page.length < rows.length };
  }

  /** All messages that it holds, by seq. */
  get messages() {
    return this.#sorted(() => true).filter(({ message }) => message).map(({ message }) => message);
  }

  #sorted(isWanted) {
    return [...this.rows.values()].filter(({ seq }) => isWanted(seq)).sort((a, b) => a.seq - b.seq);
  }
}

function asMessage(seq, { ref, user, message, data }, at) {
  const time = new Date(at).toISOString();
  return { seq, id: ref, user, name: user, message, ...(data !== undefined && { data }), at: time };
}

/** A run of rows as a frame holds them. */
export function framed(rows) {
  const messages = rows.filter(({ message }) => message).map(({ message }) => message);
  const skipped = rows.filter(({ message }) => !message).map(({ seq }) => seq);
  return { messages, ...(skipped.length && { skipped }) };
}

/** @returns a function that counts rows, and says whether one more fits into a frame */
function room() {
  let size = 0;
  return (row) => {
    const fits = size <= MAX_FRAME_BYTES - 5_000;
    size += JSON.stringify(row).length + 1;
    return fits;
  };
}
