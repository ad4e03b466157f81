/**
 * What a function that was deployed to browsers runs on: a service worker. Python, onnxruntime and
 * the function start with the first request.
 */

import type { PyodideConfig } from "pyodide";

import { composedBridge } from "./bridge/compose.js";
import { explainInBrowser } from "./bridge/cors.js";
import { Http } from "./bridge/http.js";
import { serviceWorkerModels } from "./bridge/web_models.js";
import { assetsFolder, fetched } from "./browser_parts.js";
import createPyodideModule from "./assets/python/pyodide.asm.mjs";
import type { FetchHandler } from "./deployed/answers.js";
import { provideDeno } from "./deployed/deno_namespace.js";
import { moduleFunction as handlerOf } from "./deployed/module_function.js";
import { variables } from "./deployed/service_worker.js";
import type { Variables } from "./deployed/variables.js";
import { messageOf } from "./errors.js";
import {
  FunctionFailure,
  pythonHandler,
  type PythonModules,
  type Serving,
  startServing,
} from "./python_function.js";
import { LocalRuntime, type MeasuredBridge } from "./runtime/local.js";
import { type PythonSource, startPyodide, startPython } from "./runtime/python.js";
import { SharedRuntime } from "./runtime/shared.js";
import { sessionClass } from "./session.js";
import { provideSupabase } from "./supabase_global.js";

export { listen } from "./deployed/service_worker.js";

const assets = assetsFolder(undefined);

const python: PythonSource = {
  folder: `${assets}python/`,
  read: (name) => fetched(`${assets}python/${name}`),
  snapshot: true, // the browser stops workers often, and keeps files
  config: { createPyodideModule } as unknown as PyodideConfig,
};

/**
 * The `fetch` handler of a function in Python. It starts anew when other variables are given; a
 * start that failed for want of a file is tried again.
 */
export function pythonFunction(modules: PythonModules): FetchHandler {
  let present: { readonly env: Variables; readonly serving: Promise<Serving> } | undefined;
  return pythonHandler(async () => {
    const env = await variables.get();
    if (present?.env !== env) {
      const serving = startServing(modules, {
        env,
        python: () => startPyodide(python),
        library: () => python.read("library.zip"),
        bridge: () => bridge(env),
      });
      const started = { env, serving };
      serving.catch((error: unknown) => {
        console.error(messageOf(error).trimEnd());
        if (present === started && !(error instanceof FunctionFailure)) present = undefined;
      });
      present = started;
    }
    return present.serving;
  });
}

/** The `fetch` handler of a function in JavaScript, which finds `Deno` and `Supabase` in place. */
export function moduleFunction(load: () => Promise<unknown>): FetchHandler {
  const env: Record<string, string> = {};
  const shared = new SharedRuntime(
    () => new LocalRuntime(() => startPython(python), () => bridge(env)),
  );
  provideSupabase(sessionClass(shared.get));
  let given: Variables | undefined;
  let handler: FetchHandler | undefined;
  return async (request, info) => {
    const now = await variables.get();
    if (given !== now) {
      for (const name of Object.keys(env)) delete env[name];
      Object.assign(env, now);
      given = now;
    }
    handler ??= handlerOf(load, provideDeno(env));
    return handler(request, info);
  };
}

function bridge(env: Variables): MeasuredBridge {
  return composedBridge(
    () => serviceWorkerModels({}, assets),
    new Http(explainInBrowser),
    (name) => env[name],
  );
}
