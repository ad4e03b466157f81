/** What a function that was deployed to Bun runs on. */

import type { FetchHandler } from "./deployed/answers.js";
import { address, announce } from "./deployed/environment.js";

export { environment } from "./deployed/environment.js";
export { moduleFunction, pythonFunction } from "./deployed.node.js";

interface BunNamespace {
  serve(options: {
    readonly port: number;
    readonly hostname: string;
    readonly idleTimeout: number;
    fetch(request: Request, server: { requestIP(request: Request): unknown }): Promise<Response>;
  }): { readonly port: number };
}

/** Serve until the process ends. A function may be silent for as long as it likes. */
export function listen(handler: FetchHandler): void {
  const { Bun } = globalThis as unknown as { readonly Bun: BunNamespace };
  const server = Bun.serve({
    ...address(),
    idleTimeout: 0,
    fetch: (request, server) => handler(request, { remoteAddr: server.requestIP(request) }),
  });
  announce(server.port);
}
