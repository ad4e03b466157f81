/**
 * edgelet in a browser. Python, the engine and the models run in a Web Worker, so that the page
 * never freezes; everything is loaded from one folder, the one this module is in.
 *
 * @example
 * import { Session } from "/edgelet/browser.js";
 * const vector = await new Session("all-MiniLM-L6-v2").run("Hello world");
 */

import { assetsFolder, localRuntime } from "./browser_parts.js";
import type { Runtime } from "./runtime/runtime.js";
import { SharedRuntime } from "./runtime/shared.js";
import { moduleWorker, WorkerRuntime } from "./runtime/worker_runtime.js";
import { type RuntimeSession, sessionClass } from "./session.js";
import type { RuntimeOptions } from "./types.js";

export * from "./public.js";

/** A runtime of its own: in a worker, or with `worker: false` in this thread. */
export function createRuntime(options: RuntimeOptions = {}): Runtime {
  const { worker = typeof Worker === "function", onProgress, assets, models, ...plain } = options;
  if (!worker) return localRuntime(options);
  const folder = assetsFolder(assets);
  const places = {
    assets: folder,
    page: globalThis.location.href,
    ...(models === undefined ? {} : { models: new URL(models, globalThis.location.href).href }),
  };
  // By the assets, not by this module, which a bundler may have moved elsewhere.
  const script = new URL("../web-worker.js", folder);
  return new WorkerRuntime(() => moduleWorker(script), { ...plain, ...places }, onProgress);
}

const shared = new SharedRuntime(createRuntime);

/** Set the options of the runtime that sessions share. Call it before the first one runs. */
export const configure = shared.configure;

/** A model to run; see `RuntimeSession`. */
export const Session = sessionClass(shared.get);
export type Session = RuntimeSession;
