/** What a function that was deployed to Node runs on. */

import process from "node:process";

import type { FetchHandler } from "./deployed/answers.js";
import { provideDeno } from "./deployed/deno_namespace.js";
import { moduleFunction as handlerOf } from "./deployed/module_function.js";
import { Session } from "./node.js";
import { provideSupabase } from "./supabase_global.js";

export { environment } from "./deployed/environment.js";
export { listen } from "./deployed/node_server.js";
export { pythonFunction } from "./deployed/server_function.js";

/** The `fetch` handler of a function in JavaScript, which finds `Deno` and `Supabase` in place. */
export function moduleFunction(load: () => Promise<unknown>): FetchHandler {
  provideSupabase(Session);
  return handlerOf(load, provideDeno(process.env));
}
