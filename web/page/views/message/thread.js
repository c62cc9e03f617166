import { find } from "../dom.js";
import { MessageField } from "../composer/message-field.js";
import { MessageTools } from "./message-tools.js";
import { Rows } from "../list/rows.js";
import { ScrollAnchor } from "../list/scroll-anchor.js";
import { THREAD } from "../../words/messages/thread.js";

/**
 * A thread in the pane, with a field of its own. Dispatches `begin` (detail: `text`, which is not sent yet, and the `root`),
 * `answer` (detail: `text`, who was `picked`, and `replyTo`: the root), `earlier` to load messages before, and `action` (as MessageTools).
 */
export class ThreadView extends EventTarget {
  #section = find("#thread", HTMLElement);
  #box = find("#thread-box", HTMLElement);
  #list = find("#thread-messages", HTMLOListElement);
  #rows = new Rows(this.#list);
  #scroll = new ScrollAnchor(this.#box, this.#list);
  #earlier = find("#thread-earlier", HTMLButtonElement);
  #form = find("#answer", HTMLFormElement);
  #field = new MessageField(this.#form);
  #tools = new MessageTools(this.#box, (element) => {
    const item = this.#rows.rowOf(element)?.item;
    return item?.kind === "message" ? item : undefined;
  });
  #pane;
  #root = 0;

  /** @param {import("../pane.js").Pane} pane */
  constructor(pane) {
    super();
    this.#pane = pane;
    pane.addEventListener("change", () => {
      if (pane.section !== this.#section.id) this.#root = 0;
    });
    this.#field.addEventListener("input", (event) => {
      this.#tell("begin", { text: /** @type {CustomEvent<string>} */ (event).detail, root: this.#root });
    });
    this.#field.addEventListener("send", (event) => {
      const { texts, picked } = /** @type {CustomEvent<import("../composer/message-field.js").Written>} */ (event).detail;
      for (const text of texts) this.#tell("answer", { text, picked, replyTo: this.#root });
    });
    this.#earlier.addEventListener("click", () => this.#tell("earlier"));
    this.#tools.addEventListener("use", () => this.#scroll.pin(this.#tools.isInUse));
    this.#scroll.addEventListener("settle", () => this.#scroll.keep(() => {}));
    this.#tools.addEventListener("action", (event) => this.#tell("action", /** @type {CustomEvent} */ (event).detail));
  }

  /** The seq of the first message of the thread that is open; 0 if none is. */
  get root() {
    return this.#root;
  }

  /** @param {number} root @param {string} begun - what was begun there and is not sent */
  open(root, begun) {
    if (root === this.#root) return;
    this.#pane.open(this.#section.id, THREAD);
    this.#root = root;
    this.#scroll.follow();
    this.showBegun(begun);
    this.#field.focus();
  }

  /** @param {string} begun */
  showBegun(begun) {
    this.#field.show(begun);
  }

  /** @param {readonly import("../../state/room/room-people.js").Member[]} people - who are here @param {() => Iterable<string>} rooms */
  offer(people, rooms) {
    this.#field.offer(people, rooms);
  }

  /** Another room is shown. */
  close() {
    if (this.#root) this.#pane.close();
  }

  /** @param {import("../../state/room/threads.js").Thread} thread @param {import("./message-tools.js").Permissions} permissions */
  show({ messages, isComplete }, permissions) {
    this.#tools.show(permissions);
    this.#form.hidden = !permissions.mayWrite;
    this.#scroll.unpinUnless(this.#tools.isInUse);
    this.#scroll.keep(() => {
      this.#rows.show(messages, { from: 0, to: messages.length });
      this.#earlier.hidden = isComplete;
    });
  }

  /** @param {string} type @param {unknown} [detail] */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
