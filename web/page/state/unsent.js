/**
 * Return where the library keeps what is not sent yet: for all tabs, if they are one person's and can see by a lock which
 * of them are still there, and else for this tab alone.
 *
 * @param {{isShared: boolean, local: () => Storage, locks: import("../../roomcast.js").RoomcastOptions["locks"]}} browser -
 *   `local`: a function, because even reading the property of a blocked storage throws
 * @returns {Pick<import("../../roomcast.js").RoomcastOptions, "storage" | "locks">}
 */
export function unsentStorage({ isShared, local, locks }) {
  try {
    return isShared && locks ? { storage: local(), locks } : {};
  } catch {
    return {};
  }
}
