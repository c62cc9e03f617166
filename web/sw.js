/** The page's files without a network: each as it was fetched last. With one that answers, always as they are now. */
const CACHE = "roomcast";
/**
 * Milliseconds for which the network may be silent, if the file is kept: a dead link may not say so for minutes. Not those of
 * one file: all are requested at once, so on a slow link the last ones come late, and kept ones of an earlier version would
 * not fit to those that have come.
 */
const NETWORK_TIMEOUT = 3_000;

/** When a file last came. */
let heardAt = 0;
/** True while nothing has come since the network was silent for so long: the next files need not be waited for. */
let isSilent = false;

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
  const fetched = fetchFile(request);
  fetched.catch(() => {}); // It may fail while the cache is read.
  const kept = await (await caches.open(CACHE)).match(keyOf(request.url));
  if (!kept) return fetched;
  const askedAt = performance.now();
  return new Promise((resolve) => {
    let timer;
    const listen = () => {
      const left = Math.max(askedAt, heardAt) + NETWORK_TIMEOUT - performance.now();
      isSilent ||= left <= 0;
      if (isSilent) resolve(kept);
      else timer = setTimeout(listen, left);
    };
    listen();
    fetched.catch(() => kept).then(resolve).finally(() => clearTimeout(timer));
  });
}

async function fetchFile(request) {
  const response = await fetch(request);
  heardAt = performance.now();
  isSilent = false;
  await keep(keyOf(request.url), response.clone());
  return response;
}

async function keep(key, response) {
  const isFile = response.ok && !response.headers.get("Cache-Control")?.includes("no-store");
  if (isFile) await (await caches.open(CACHE)).put(key, response);
}
