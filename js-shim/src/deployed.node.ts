/** What a function that was deployed to Node runs on. */

import process from "node:process";

import type { FetchHandler } from "./deployed/answers.js";
import { provideDeno } from "./deployed/deno_namespace.js";
import { moduleFunction as handlerOf } from "./deployed/module_function.js";
import { configure, Session } from "./node.js";
import { provideSupabase } from "./supabase_global.js";
import type { RuntimeOptions } from "./types.js";

export { environment } from "./deployed/environment.js";
export { listen } from "./deployed/node_server.js";
export { pythonFunction } from "./deployed/server_function.js";

/**
 * The `fetch` handler of a function in JavaScript, which finds `Deno` and `Supabase` in place; its
 * sessions have those options.
 */
export function moduleFunction(
  load: () => Promise<unknown>,
  options: RuntimeOptions = {},
): FetchHandler {
  configure(options);
  provideSupabase(Session);
  return handlerOf(load, provideDeno(process.env));
}
