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
    if (!isFirst || !active) return;
    active.postMessage([location.href]);
    // Those too that are loaded until the worker sees them.
    new PerformanceObserver((list) => active.postMessage(list.getEntries().filter(isUnseenFile).map(({ name }) => name)))
      .observe({ type: "resource", buffered: true });
  } catch {
    // Blocked, as in a private window: then the page needs the network.
  }
}

/** What a script fetches, such as a token, is no file. @param {any} entry - of a resource */
const isUnseenFile = ({ workerStart, initiatorType }) => workerStart === 0 && !/^(fetch|xmlhttprequest|beacon)$/.test(initiatorType);
