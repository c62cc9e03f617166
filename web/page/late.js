/** @type {Set<Late<any>>} */
const parts = new Set();
/** @type {(error: unknown) => void} */
let onMissing = () => {};

/** Call back when a part that somebody wanted to use could not be loaded. @param {(error: unknown) => void} callback */
export function whenMissing(callback) {
  onMissing = callback;
}

/** Do something when the browser has nothing else to do. @type {(callback: () => void) => void} */
export const whenIdle = globalThis.requestIdleCallback ?? ((/** @type {() => void} */ callback) => setTimeout(callback, 1));

/**
 * A part of the page that nobody needs to read and write a first message. It is loaded when it is first used, and else by
 * `loadLateParts`: soon, because a page stays open for days, and the files of a later version do not fit to it.
 *
 * @template Part
 */
export class Late {
  /** @type {Part | undefined} undefined until it is loaded */
  part;
  /** @type {Promise<Part> | undefined} */
  #loading;
  #load;

  /** @param {() => Promise<Part>} load - by `import()`. After a failure it is called again when the part is next used */
  constructor(load) {
    this.#load = load;
    parts.add(this);
  }

  /**
   * Do something with the part: at once if it is loaded, and else when it is.
   *
   * @param {(part: Part) => void} act @param {(error: unknown) => void} [onFailure] - by default, of `whenMissing`
   */
  use(act, onFailure = onMissing) {
    if (this.part) act(this.part);
    else this.get().then(act, onFailure);
  }

  /** @returns {Promise<Part>} */
  get() {
    this.#loading ??= this.#load().then(
      (part) => (this.part = part),
      (error) => {
        this.#loading = undefined;
        throw error;
      },
    );
    return this.#loading;
  }
}

/** Load all parts that are not loaded yet. What cannot be loaded now is at the next call, or when it is used. @returns {Promise<void>} */
export async function loadLateParts() {
  await Promise.allSettled([...parts].map((part) => part.get()));
}
