/**
 * edgelet in Cloudflare Workers. A Worker has no files and compiles no code at run time, so it
 * imports the parts of Python as modules and passes them to `configure`.
 *
 * @example
 * import { configure, Session } from "edgelet/worker";
 * import asm from "edgelet/assets/python/pyodide.asm.mjs";
 * import pythonWasm from "edgelet/assets/python/pyodide.asm.wasm";
 * import stdlib from "edgelet/assets/python/stdlib.zip";
 * import core from "edgelet/assets/python/core.zip";
 *
 * configure({ modules: { asm, pythonWasm, stdlib, core } });
 * const session = new Session("mistral");
 *
 * export default {
 *   async fetch(request) {
 *     const { searchParams } = new URL(request.url);
 *     return Response.json(await session.run(searchParams.get("prompt")));
 *   },
 * };
 */

import type { Runtime } from "./runtime/runtime.js";
import { SharedRuntime } from "./runtime/shared.js";
import { type RuntimeSession, sessionClass } from "./session.js";
import { type WorkerOptions, workerRuntime } from "./worker_parts.js";

export * from "./public.js";
export type { ModelFile, ModelSource } from "./bridge/worker_models.js";
export type { WorkerModules, WorkerOptions } from "./worker_parts.js";

/** A runtime of its own, in this Worker. */
export function createRuntime(options: WorkerOptions): Runtime {
  return workerRuntime(options);
}

const shared = new SharedRuntime((options) => workerRuntime(options as Partial<WorkerOptions>));

/** Set the options of the runtime that sessions share. Call it before the first one runs. */
export const configure = shared.configure as (options: WorkerOptions) => void;

/** A model to run; see `RuntimeSession`. */
export const Session = sessionClass(shared.get);
export type Session = RuntimeSession;
