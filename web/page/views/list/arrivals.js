/** Milliseconds. */
const SECOND = 1_000;
/** More messages in a second than this come without motion. */
const CALM = 5;

/** Lets a single message that arrives at the end move into its place. */
export class Arrivals {
  /** @type {number[]} when the last ones came */
  #times = [];

  /** @param {readonly import("./rows.js").Row[]} rows - that have come to the document with these news */
  show(rows) {
    const now = performance.now();
    const messages = rows.filter(({ item }) => item.kind === "message" && item.live);
    this.#times = [...this.#times, ...messages.map(() => now)].filter((time) => now - time < SECOND);
    const [first] = messages;
    if (!first || messages.length > 1 || this.#times.length > CALM) return;
    first.view.classList.add("arrives");
    first.view.addEventListener("animationend", () => first.view.classList.remove("arrives"), { once: true });
  }
}
