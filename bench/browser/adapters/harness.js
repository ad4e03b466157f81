// What every page of the benchmark offers to the program that drives it, whichever library it
// loads. An adapter has `load(options)`, `one(text)` and `many(texts)`; the last two give vectors
// as Float32Arrays or arrays of numbers.

const FIRST = "The first sentence that a visitor embeds.";

/** Load at once, as a page would, and remember when the first vector was there. */
export function start(adapter) {
  const query = new URLSearchParams(location.search);
  const options = JSON.parse(query.get("options") ?? "{}");
  const blocked = watchMainThread();
  globalThis.bench = {
    ready: begin(adapter, options, query.has("heaps")),
    /** Milliseconds of one call with one text. */
    timeOne: (text) => milliseconds(() => adapter.one(text)),
    /** Milliseconds of one call with a list. */
    timeMany: (texts) => milliseconds(() => adapter.many(texts)),
    vectors: async (texts) => (await adapter.many(texts)).map((vector) => Array.from(vector)),
    /** The longest task on the page's own thread, in milliseconds, since the last call; 0 below 50. */
    longestTask: blocked,
    /** Bytes of the page and its workers, after garbage is collected. */
    memory: async () => (await performance.measureUserAgentSpecificMemory()).bytes,
    /** Bytes of each WebAssembly memory, workers' included; on pages opened with `heaps`. */
    heaps: async () => (await import("./heaps.js")).wasmHeaps(),
  };
}

/** Milliseconds from navigation to the first vector. */
async function begin(adapter, options, heaps) {
  if (heaps) await import("./heaps.js");
  await adapter.load(options);
  const vector = await adapter.one(FIRST);
  const now = performance.now();
  if (vector.length !== 384) throw new Error(`a vector of ${vector.length} numbers, not 384`);
  return now;
}

async function milliseconds(call) {
  const before = performance.now();
  await call();
  return performance.now() - before;
}

function watchMainThread() {
  let longest = 0;
  const see = (entries) => {
    for (const entry of entries) longest = Math.max(longest, entry.duration);
  };
  const observer = new PerformanceObserver((list) => see(list.getEntries()));
  observer.observe({ type: "longtask", buffered: true });
  return () => {
    see(observer.takeRecords());
    const result = longest;
    longest = 0;
    return result;
  };
}
