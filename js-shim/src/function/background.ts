/** Work that goes on after a response was sent: `EdgeRuntime.waitUntil`. */

const working = new Set<Promise<unknown>>();

/** Keep this process until `work` is done. Its failure is printed, and ends nothing else. */
export function waitUntil<T>(work: Promise<T>): Promise<T> {
  const settled = Promise.resolve(work)
    .catch((error: unknown) => console.error("waitUntil:", error))
    .finally(() => void working.delete(settled));
  working.add(settled);
  return work;
}

/** Settles when no such work is left. */
export async function workDone(): Promise<void> {
  while (working.size > 0) await Promise.all(working);
}
