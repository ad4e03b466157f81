/** What a function that was deployed to Deno runs on. */

import type { FetchHandler, Info } from "./deployed/answers.js";
import { address, announce } from "./deployed/environment.js";
import { moduleFunction as handlerOf } from "./deployed/module_function.js";
import { configure, Session } from "./deno.js";
import { provideSupabase } from "./supabase_global.js";
import type { RuntimeOptions } from "./types.js";

export { environment } from "./deployed/environment.js";
export { pythonFunction } from "./deployed/server_function.js";

interface DenoNamespace {
  serve(
    options: {
      readonly port: number;
      readonly hostname: string;
      onListen(address: { readonly port: number }): void;
    },
    handler: (request: Request, info: Info) => Promise<Response>,
  ): void;
}

const { Deno } = globalThis as unknown as { readonly Deno: DenoNamespace };

/** Taken before a function's module is given another one. */
const serve = Deno.serve.bind(Deno);

/**
 * The `fetch` handler of a function in JavaScript, which finds `Supabase` in place; its sessions
 * have those options.
 */
export function moduleFunction(
  load: () => Promise<unknown>,
  options: RuntimeOptions = {},
): FetchHandler {
  configure(options);
  provideSupabase(Session);
  return handlerOf(load, Deno);
}

/** Serve until the process ends. */
export function listen(handler: FetchHandler): void {
  serve({ ...address(), onListen: ({ port }) => announce(port) }, handler);
}
