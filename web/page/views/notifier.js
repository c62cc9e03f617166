import { find } from "./dom.js";
import { noticeText, noticeTitle } from "../words/notices.js";

/** The icon of a page with something for its reader. */
const ICON = "icon.svg";
const UNREAD_ICON = "icon-unread.svg";

/** Held by one tab of the browser, which tells for all of them; and by a tab that has the focus, where nobody need be told. */
const SPEAKER = "roomcast speaker";
const FOCUS = "roomcast focus";

/**
 * What is told outside of the page: the browser's notifications, only if the user has asked for them, and the page's icon.
 * Of several tabs one tells, and none while one of them has the focus. Dispatches `open` (detail: the room of a
 * notification that was clicked).
 */
export class Notifier extends EventTarget {
  #icon = find('link[rel="icon"]', HTMLLinkElement);
  #isSpeaker = false;
  #count = -1; // of rooms; an earlier visit may have left a badge
  #locks = navigator.locks;

  constructor() {
    super();
    if (!this.#locks) {
      this.#isSpeaker = true; // Locks need a secure context. Then two tabs may tell, and the room's tag makes one of it.
      return;
    }
    this.#locks.request(SPEAKER, () => {
      this.#isSpeaker = true;
      return new Promise(() => {}); // Until the tab closes.
    });
    addEventListener("focus", () => this.#holdFocus());
    if (document.hasFocus()) this.#holdFocus();
  }

  /** True if the browser can notify, and the user has not decided yet. */
  get canAsk() {
    return "Notification" in window && Notification.permission === "default";
  }

  /** Ask the user for leave, at a click. */
  async ask() {
    await Notification.requestPermission();
  }

  /** @param {import("../state/notices.js").Notice} notice */
  async tell(notice) {
    if (!this.#isSpeaker || !("Notification" in window) || Notification.permission !== "granted") return;
    if (document.hasFocus() || (await this.#hasFocusedTab())) return;
    const { room } = notice;
    const shown = new Notification(noticeTitle(notice), { body: noticeText(notice), tag: room, icon: ICON });
    shown.addEventListener("click", () => {
      focus();
      shown.close();
      this.dispatchEvent(new CustomEvent("open", { detail: room }));
    });
  }

  /** Show on the page's icon, and the installed app's, in how many rooms the user was mentioned. @param {number} rooms */
  showCount(rooms) {
    if (rooms === this.#count) return;
    this.#count = rooms;
    this.#icon.href = rooms > 0 ? UNREAD_ICON : ICON;
    if ("setAppBadge" in navigator) navigator.setAppBadge(rooms).catch(() => {}); // Not installed: there is no badge.
  }

  /** Hold the lock of a focused tab until the focus goes. */
  #holdFocus() {
    this.#locks.request(FOCUS, { mode: "shared" }, () => {
      return new Promise((resolve) => {
        if (document.hasFocus()) addEventListener("blur", resolve, { once: true });
        else resolve(undefined);
      });
    });
  }

  async #hasFocusedTab() {
    if (!this.#locks) return false;
    const { held = [] } = await this.#locks.query();
    return held.some(({ name }) => name === FOCUS);
  }
}
