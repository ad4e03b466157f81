/**
 * What Cloudflare's runtime says about the request that is being answered.
 *
 * There, whatever waits belongs to the request that began it. When that request's client leaves,
 * its timers and transfers are dropped, and promises that waited for them never settle. Work that
 * requests share must therefore outlive the request that happened to come first.
 */

import { EdgeletError } from "../errors.js";

type Cloudflare = typeof import("cloudflare:workers");

/** The runtime's own module. Throws `EdgeletError` on any other host. */
export async function cloudflare(): Promise<Cloudflare> {
  try {
    return await import("cloudflare:workers");
  } catch {
    throw new EdgeletError({
      name: "OptionError",
      message: `"edgelet/worker" runs in Cloudflare Workers alone; on this host import "edgelet"`,
    });
  }
}

/** Do `work`, to its end even if the client of the present request leaves. */
export async function outlivingRequest<T>(work: () => Promise<T>): Promise<T> {
  const { waitUntil } = await cloudflare();
  const working = work();
  waitUntil(working.catch(() => undefined)); // its failure concerns who waits for it
  return working;
}
