/**
 * Tells what a browser knows of its network and its reader. Where there is none, as in Node.js, nothing is told.
 *
 * @param {{online: () => void, offline: () => void}} tell - `online` also when a page is looked at again: while it was
 *   not, its timers may have slept, or the phone under them
 * @returns {() => void} stops it
 */
export function watch({ online, offline }) {
  const listening = new AbortController();
  const { signal } = listening;
  const { document } = globalThis;
  globalThis.addEventListener?.("online", online, { signal });
  globalThis.addEventListener?.("offline", offline, { signal });
  globalThis.addEventListener?.("pageshow", online, { signal });
  document?.addEventListener("visibilitychange", () => document.hidden || online(), { signal });
  return () => listening.abort();
}

/**
 * The storage of this tab; null where there is none, or where merely to look at it throws.
 *
 * @returns {import("../room/outbox.js").Store | null}
 */
export function tabStorage() {
  try {
    return globalThis.sessionStorage ?? null;
  } catch {
    return null;
  }
}
