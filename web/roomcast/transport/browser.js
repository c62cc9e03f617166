/**
 * @typedef {object} Store - the part of a browser's Storage that the library uses
 * @property {(key: string) => string | null} getItem
 * @property {(key: string, value: string) => void} setItem
 * @property {(key: string) => void} removeItem
 */

/**
 * Watch the browser's network and the page's visibility. Does nothing outside a browser, as in Node.js.
 *
 * @param {{online: () => void, offline: () => void, shown: () => void}} callbacks - `online` also when a hidden page is
 *   shown again: its timers may have stopped meanwhile, or the phone may have slept. `shown`: only then
 * @returns {() => void} stops watching
 */
export function watchNetwork({ online, offline, shown }) {
  const watching = new AbortController();
  const { signal } = watching;
  const { document } = globalThis;
  globalThis.addEventListener?.("online", online, { signal });
  globalThis.addEventListener?.("offline", offline, { signal });
  globalThis.addEventListener?.("pageshow", online, { signal });
  const onVisibility = () => {
    if (document.hidden) return;
    online();
    shown();
  };
  document?.addEventListener("visibilitychange", onVisibility, { signal });
  return () => watching.abort();
}

/**
 * Return this tab's storage. Null if there is none, or if the browser blocks it: then even reading the property throws.
 *
 * @returns {Store | null}
 */
export function tabStorage() {
  try {
    return globalThis.sessionStorage ?? null;
  } catch {
    return null;
  }
}
