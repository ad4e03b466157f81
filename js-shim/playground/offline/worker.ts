/**
 * The service worker: after one visit the page works without a network. It keeps what the page has
 * used, and asks the network first, so that a new build is seen at once; unchanged files cost an
 * empty answer (304). The weights of models are not kept here: the library has them in a cache of
 * its own.
 *
 * It lies in the root of the folder, beside `browser.js`, because a service worker serves pages and
 * workers below its own address only.
 */

// TypeScript's library knows `self` as any worker's.
const worker = self as unknown as ServiceWorkerGlobalScope;

const CACHE = "edgelet-playground";

/** What the browser has loaded before this worker could see it. */
const FIRST = ["playground/", "playground/main.js", "playground/style.css"];

worker.addEventListener("install", (event) => {
  void worker.skipWaiting();
  event.waitUntil(
    caches.open(CACHE).then((cache) => cache.addAll(FIRST.map((path) => new URL(path, worker.registration.scope).href))),
  );
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(worker.clients.claim());
});

worker.addEventListener("fetch", (event) => {
  if (isOurs(event.request)) event.respondWith(networkFirst(event));
});

function isOurs(request: Request): boolean {
  const weights = /\/assets\/models\/.*\/(model\.onnx|model\.onnx\.data|tokenizer\.json)$/;
  return (
    request.method === "GET" &&
    request.url.startsWith(worker.registration.scope) &&
    !request.headers.has("range") &&
    !weights.test(new URL(request.url).pathname)
  );
}

async function networkFirst(event: FetchEvent): Promise<Response> {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(event.request, { ignoreSearch: true });
  try {
    const response = await fetch(event.request);
    if (response.ok && response.status === 200 && !same(response, kept)) {
      // A copy: the page should not wait until a large file is written.
      event.waitUntil(cache.put(event.request, response.clone()));
    }
    return response;
  } catch (error) {
    if (kept !== undefined) return kept;
    throw error;
  }
}

/** Whether the kept answer has these bytes, as far as the server's tag tells. */
function same(response: Response, kept: Response | undefined): boolean {
  const tag = response.headers.get("etag");
  return tag !== null && tag === kept?.headers.get("etag");
}
