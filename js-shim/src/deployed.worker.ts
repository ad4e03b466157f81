/** What a function that was deployed to Cloudflare Workers runs on. */

import { env, waitUntil as keepRequest } from "cloudflare:workers";

import type { WorkerModelsParts } from "./bridge/worker_models.js";
import type { FetchHandler, Info } from "./deployed/answers.js";
import { provideDeno } from "./deployed/deno_namespace.js";
import { moduleHandler, served } from "./deployed/module_function.js";
import { asset, engineWasm, modelFile, pythonModules } from "./deployed/worker_files.js";
import { startedOnce } from "./deployed/worker_start.js";
import { messageOf } from "./errors.js";
import { waitUntil } from "./function/background.js";
import { pythonHandler, type PythonModules, startServing } from "./python_function.js";
import { LocalRuntime } from "./runtime/local.js";
import { outlivingRequest } from "./runtime/request_life.js";
import { startInWorkerd, startPyodideInWorkerd } from "./runtime/workerd.js";
import { sessionClass } from "./session.js";
import { provideSupabase } from "./supabase_global.js";
import { workerBridge } from "./worker_parts.js";

/** `env` is the function's whole environment: it sees nothing else of the Worker's bindings. */
export interface PythonFunctionOptions {
  readonly env: Readonly<Record<string, string>>;
}

const MODELS: WorkerModelsParts = {
  engineWasm,
  models: modelFile,
  precision: undefined,
  onProgress: undefined,
};

/** The Worker's variables and secrets: of its bindings, those that are text. */
const variables: Record<string, string> = Object.fromEntries(
  Object.entries(env).filter((each): each is [string, string] => typeof each[1] === "string"),
);

/** The variables of those names that are set. */
export function environment(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => names.includes(name)));
}

/** The `fetch` handler of a function. Its module is loaded once, and serves all requests. */
export function pythonFunction(
  modules: PythonModules,
  options: PythonFunctionOptions,
): FetchHandler {
  const start = startedOnce(() =>
    startServing(modules, {
      env: options.env,
      python: async () => startPyodideInWorkerd(await pythonModules()),
      library: () => asset("python/library.zip"),
      bridge: () => workerBridge(MODELS, () => undefined),
    }).catch((error: unknown) => {
      console.error(messageOf(error).trimEnd());
      throw error;
    }),
  );
  return pythonHandler(start);
}

/** The `fetch` handler of a function in JavaScript, which finds `Deno` and `Supabase` in place. */
export function moduleFunction(load: () => Promise<unknown>): FetchHandler {
  const runtime = new LocalRuntime(
    () => outlivingRequest(async () => startInWorkerd(await pythonModules())),
    () => workerBridge(MODELS, (name) => variables[name]),
  );
  provideSupabase(sessionClass(() => runtime));
  const deno = provideDeno(variables);
  const start = startedOnce(() =>
    served(load, deno, (work) => {
      keepRequest(waitUntil(work).catch(() => undefined));
      return work;
    }).catch((error: unknown) => {
      console.error(error);
      throw error;
    }),
  );
  const handler = moduleHandler(start);
  return (request) => handler(request, info(request));
}

/** Where Cloudflare says that a request came from. */
function info({ headers }: Request): Info {
  const hostname = headers.get("cf-connecting-ip");
  return hostname === null ? {} : { remoteAddr: { transport: "tcp", hostname, port: 0 } };
}
