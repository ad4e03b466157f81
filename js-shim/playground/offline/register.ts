/** Installs the service worker, so that what the page loads from now on is there without a network. */

/** A browser that takes longer than this to install a few kilobytes is better not waited for. */
const PATIENCE = 3000;

/**
 * Resolves once the service worker sees what the page loads, or it is clear that it will not: the
 * browser forbids it (private windows), or the person reloaded past it on purpose.
 */
export async function prepareOffline(): Promise<void> {
  if (!("serviceWorker" in navigator) || navigator.serviceWorker.controller !== null) return;
  const seen = new Promise((resolve) => {
    navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true });
  });
  try {
    const registration = await navigator.serviceWorker.register(new URL("../offline.js", import.meta.url), {
      updateViaCache: "none",
    });
    if (registration.active !== null) return;
    await Promise.race([seen, new Promise((late) => setTimeout(late, PATIENCE))]);
  } catch {
    // The page works all the same, only not offline.
  }
}
