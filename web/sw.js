/** The page's files without a network: each as it was fetched last. With one, always as they are now. */
const CACHE = "roomcast";

/** Without what follows "?": it names rooms and people, and perhaps has a token. */
const keyOf = (url) => url.replace(/[?#].*$/u, "");

const isOurs = (url) => new URL(url).origin === location.origin;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// A first visit has loaded its files before this worker was there, and names them.
self.addEventListener("message", (event) => {
  event.waitUntil(Promise.all(event.data.filter(isOurs).map(async (url) => keep(keyOf(url), await fetch(keyOf(url))))));
});

self.addEventListener("fetch", (event) => {
  const { method, destination, url } = event.request;
  // Only files: what a script fetches, such as a token, has no destination.
  if (method === "GET" && destination && isOurs(url)) event.respondWith(answer(event.request));
});

async function answer(request) {
  try {
    const response = await fetch(request);
    await keep(keyOf(request.url), response.clone());
    return response;
  } catch (error) {
    const kept = await (await caches.open(CACHE)).match(keyOf(request.url));
    if (kept) return kept;
    throw error;
  }
}

async function keep(key, response) {
  const isFile = response.ok && !response.headers.get("Cache-Control")?.includes("no-store");
  if (isFile) await (await caches.open(CACHE)).put(key, response);
}
