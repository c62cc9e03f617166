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
/** The ids of the pages whose document was a kept one: kept files fit to it, and those that come now may not. */
const keptPages = new Set();

/** Without what follows "?": it names rooms and people, and perhaps has a token. */
const keyOf = (url) => url.replace(/[?#].*$/u, "");

const isOurs = (url) => new URL(url).origin === location.origin;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// A first visit has loaded its files before this worker was there, and names them.
self.addEventListener("message", (event) => {
  event.waitUntil(Promise.allSettled(event.data.filter(isOurs).map(async (url) => keep(keyOf(url), await fetch(keyOf(url))))));
});

self.addEventListener("fetch", (event) => {
  const { method, destination, url } = event.request;
  // Only files: what a script fetches, such as a token, has no destination.
  if (method === "GET" && destination && isOurs(url)) event.respondWith(answer(event));
});

async function answer(event) {
  const { request, clientId, resultingClientId } = event;
  const fetched = fetchFile(event);
  const kept = await find(keyOf(request.url));
  if (!kept) return fetched;
  if (keptPages.has(resultingClientId || clientId)) return kept;
  const given = await unlessSilent(fetched, kept);
  if (given === kept && resultingClientId) keptPages.add(resultingClientId);
  return given;
}

/** What comes, or what is kept if the network fails or is silent. */
function unlessSilent(fetched, kept) {
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

/** Fetch a file, and keep it meanwhile: a full disk, or a cache that is blocked, is no reason to wait or to fail. */
function fetchFile(event) {
  const fetched = fetch(event.request).then((response) => {
    heardAt = performance.now();
    isSilent = false;
    return response;
  });
  event.waitUntil(fetched.then((response) => keep(keyOf(event.request.url), response.clone())).catch(() => {}));
  return fetched;
}

/** What is kept of a file: undefined if nothing is, or it cannot be read. */
const find = (key) => caches.open(CACHE).then((cache) => cache.match(key)).catch(() => {});

async function keep(key, response) {
  const isFile = response.ok && !response.headers.get("Cache-Control")?.includes("no-store");
  if (isFile) await (await caches.open(CACHE)).put(key, response);
}
