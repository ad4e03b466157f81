/**
 * Runs one row of the conformance cases with the public API, and tells what came of it as JSON.
 * The same module runs in Node, Deno, Bun, in pages and in workers; it judges nothing.
 */

/**
 * @param {typeof import("edgelet")} edgelet the package, whichever entry point it came from
 * @param {import("edgelet").Runtime} runtime a runtime with the variables of the case
 * @param {object} row a case as `tests/conformance/cases.py` writes it out
 * @returns {Promise<{result?: unknown, chunks?: unknown[], error?: object}>}
 */
export async function runCase(edgelet, runtime, row) {
  const chunks = [];
  const { signal, release } = signalAfter(row.abort_after);
  try {
    const session = new edgelet.Session(row.model, { ...row.session, runtime });
    const result = await session.run(row.prompt, signal ? { ...row.options, signal } : row.options);
    if (!isStream(result)) return { result };
    for await (const chunk of result) chunks.push(chunk);
    return { chunks };
  } catch (error) {
    return { chunks, error: described(edgelet, error) };
  } finally {
    release();
  }
}

/** What a test may know of an error; anything but an error that edgelet means is passed on. */
export function described(edgelet, error) {
  if (!(error instanceof edgelet.EdgeletError) && error?.name !== "AbortError") throw error;
  const { name, message, status } = error;
  return { name, message, status };
}

/** @returns {value is AsyncIterable<unknown>} */
function isStream(value) {
  return typeof value?.[Symbol.asyncIterator] === "function";
}

function signalAfter(seconds) {
  if (seconds === null) return { signal: undefined, release() {} };
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), seconds * 1000);
  return { signal: controller.signal, release: () => clearTimeout(timer) };
}
