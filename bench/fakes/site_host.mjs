// The files of a folder as a stack's CloudFront serves them: over HTTP/2, with gzip, and asked for again at each visit;
// behind a network of so many milliseconds there and back, and so many bytes a second (0: as fast as it goes).
// Takes the folder, the PEM files of a certificate and its key, the milliseconds and the bytes; and `unlisted`, if no document
// is to name its modules in advance. Prints its port.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureServer } from "node:http2";
import { connect, createServer } from "node:net";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";

const [folder, cert, key, roundTrip, rate, unlisted] = process.argv.slice(2);
const TYPES = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/manifest+json",
};
/** @type {Map<string, {body: Buffer, etag: string}>} by path: nobody waits for the compression twice */
const files = new Map();

function fileOf(path) {
  if (!files.has(path)) {
    const text = readFileSync(path, "utf8");
    const sent = unlisted ? text.replaceAll(/<link rel="modulepreload".*?>\n/g, "") : text;
    const body = gzipSync(sent, { level: 9 });
    files.set(path, { body, etag: `"${createHash("sha256").update(body).digest("hex")}"` });
  }
  return files.get(path);
}

const site = createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
  const { pathname } = new URL(request.url, "https://localhost");
  const path = join(folder, pathname.endsWith("/") ? `${pathname}index.html` : pathname);
  const type = TYPES[extname(path)];
  if (!type) return response.writeHead(404).end();
  const { body, etag } = fileOf(path);
  const headers = { etag, "cache-control": "max-age=0, must-revalidate" };
  if (request.headers["if-none-match"] === etag) return response.writeHead(304, headers).end();
  response.writeHead(200, { ...headers, "content-type": `${type}; charset=utf-8`, "content-encoding": "gzip" }).end(body);
});

/** Hand on what comes from one socket to the other, in order, late and slowly. */
function carry(from, to) {
  let free = 0; // when the line has carried what came before
  const carried = [];
  const handOn = () => {
    while (carried[0]?.due <= performance.now()) to.write(carried.shift().data);
    if (carried.length > 0) setTimeout(handOn, carried[0].due - performance.now());
  };
  from.on("data", (data) => {
    free = Math.max(free, performance.now()) + (Number(rate) ? (data.length / rate) * 1000 : 0);
    carried.push({ data, due: free + roundTrip / 2 });
    if (carried.length === 1) handOn();
  });
  from.on("error", () => to.destroy());
  from.on("close", () => to.destroy());
}

site.listen(0, "127.0.0.1", () => {
  const network = createServer((browser) => {
    const server = connect(site.address().port, "127.0.0.1");
    carry(browser, server);
    carry(server, browser);
  });
  network.listen(0, "127.0.0.1", () => console.log(network.address().port));
});
