/** Keep the page's files for when there is no network. Does nothing where the browser has no service workers. */
export async function keepFiles() {
  const workers = navigator.serviceWorker;
  if (!workers) return; // Not on https or localhost.
  // The page allows no script by a text but this one.
  const { trustedTypes } = /** @type {any} */ (globalThis);
  const policy = trustedTypes?.createPolicy("service-worker", { createScriptURL: () => "sw.js" });
  const isFirst = !workers.controller;
  try {
    await workers.register(policy?.createScriptURL("") ?? "sw.js");
    const { active } = await workers.ready;
    const files = performance.getEntriesByType("resource").map(({ name }) => name);
    if (isFirst) active?.postMessage([location.href, ...files]);
  } catch {
    // Blocked, as in a private window: then the page needs the network.
  }
}
