import { find, setText } from "../dom.js";
import { EARLIER, LOADING, silenceText } from "../../words/messages/history.js";

/**
 * @typedef {import("../../state/history/room-history.js").Earlier} Earlier
 * @typedef {import("../../../roomcast.js").ConnectionState} ConnectionState
 */

/** What stands above the oldest message, or in place of all. Dispatches `earlier` for its button. */
export class ListHead extends EventTarget {
  #earlier = find("#earlier", HTMLElement);
  #sentence = find(".sentence", HTMLElement, this.#earlier);
  #button = find("button", HTMLButtonElement, this.#earlier);
  #loading = find("#loading", HTMLElement);
  #empty = find("#empty", HTMLElement);
  #onHide;

  /** @param {() => void} onHide - takes the focus from an element that is hidden now */
  constructor(onHide) {
    super();
    this.#onHide = onHide;
    find(".unseen", HTMLElement, this.#loading).textContent = LOADING;
    this.#button.addEventListener("click", () => this.dispatchEvent(new CustomEvent("earlier")));
  }

  /** @param {string} room */
  showRoom(room) {
    find(".room", HTMLElement, this.#empty).textContent = `#${room}`;
  }

  /** @param {{earlier: Earlier, connection: ConnectionState, isEmpty: boolean, isCut: boolean}} list - `isCut`: there are rows above */
  show({ earlier, connection, isEmpty, isCut }) {
    const isJoining = earlier === "joining" && isEmpty;
    const silence = isJoining ? silenceText(connection) : "";
    this.#loading.hidden = !isJoining || silence !== "";
    this.#empty.hidden = !isEmpty || earlier !== "start";
    const sentence = silence || (earlier === "more" ? "" : EARLIER[earlier]);
    const isButton = earlier === "more" || earlier === "failed";
    if (!isButton && this.#button.contains(document.activeElement)) this.#onHide();
    setText(this.#sentence, sentence);
    this.#button.hidden = !isButton;
    setText(this.#button, earlier === "failed" ? "Try again" : EARLIER.more);
    this.#earlier.hidden = isCut || !this.#empty.hidden || !(sentence || isButton);
  }
}
