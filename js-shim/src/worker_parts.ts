/** A runtime in a Cloudflare Worker: Python from the Worker's modules, models from its storage. */

import { composedBridge } from "./bridge/compose.js";
import { asFolder } from "./bridge/files.js";
import { Http } from "./bridge/http.js";
import { type ModelSource, workerModels, type WorkerModelsParts } from "./bridge/worker_models.js";
import { EdgeletError } from "./errors.js";
import { LocalRuntime, type MeasuredBridge } from "./runtime/local.js";
import type { Python } from "./runtime/python.js";
import { cloudflare, outlivingRequest } from "./runtime/request_life.js";
import { type PythonModules, startInWorkerd } from "./runtime/workerd.js";
import type { Precision, Progress } from "./types.js";

/** The files of `edgelet/assets/`, as modules that the Worker imports. */
export interface WorkerModules extends PythonModules {
  /** `onnxruntime/ort-wasm-simd-threaded.wasm`. Language models do not need it. */
  readonly engineWasm?: WebAssembly.Module;
}

/** What a runtime in a Worker is made with. */
export interface WorkerOptions {
  readonly modules: WorkerModules;
  /**
   * Where embedding models are: the URL of their folder, or a function that gives a file by its
   * path, from static assets, R2 or modules. Language models do not need it.
   *
   * @example
   * models: (path) => env.ASSETS.fetch(`https://assets.local/models/${path}`)
   * models: (path) => env.BUCKET.get(path)
   */
  readonly models?: string | URL | ModelSource;
  /** Configuration, such as `AI_INFERENCE_API_HOST`. Default: the Worker's own variables. */
  readonly env?: Readonly<Record<string, unknown>>;
  /** What `new Session(model)` computes in, unless it says so. Default: `int8`. */
  readonly precision?: Precision;
  /** Hears of every file of a model that is loaded. */
  readonly onProgress?: (progress: Progress) => void;
}

/** A runtime in this Worker. Throws `EdgeletError` when an option is missing or of a wrong kind. */
export function workerRuntime(options: Partial<WorkerOptions>): LocalRuntime {
  const { precision, onProgress } = options;
  const modules = checkedModules(options.modules);
  const models = checkedModels(options.models);
  let variables = options.env;
  const start = async (): Promise<Python> => {
    variables ??= (await cloudflare()).env;
    return outlivingRequest(() => startInWorkerd(modules));
  };
  const variable = (name: string): string | undefined => {
    const value = variables?.[name];
    return typeof value === "string" ? value : undefined;
  };
  const engineWasm = modules.engineWasm && (async () => modules.engineWasm!);
  const parts = { engineWasm, models, precision, onProgress };
  return new LocalRuntime(start, () => workerBridge(parts, variable));
}

/** A bridge of this host; neither an engine nor a model is loaded before it is needed. */
export function workerBridge(
  parts: WorkerModelsParts,
  variable: (name: string) => string | undefined,
): MeasuredBridge {
  return composedBridge(() => workerModels(parts), new Http(), variable);
}

const KINDS: Readonly<Record<keyof WorkerModules, string>> = {
  asm: "function",
  pythonWasm: "WebAssembly.Module",
  stdlib: "ArrayBuffer",
  core: "ArrayBuffer",
  snapshot: "ArrayBuffer",
  engineWasm: "WebAssembly.Module",
};
const OPTIONAL: readonly string[] = ["snapshot", "engineWasm"] satisfies (keyof WorkerModules)[];

function checkedModules(modules: WorkerModules | undefined): WorkerModules {
  if (modules === undefined) {
    throw optionError(
      `a Worker has no files to start Python from: import them from "edgelet/assets/python/" and ` +
        `pass configure({ modules: { asm, pythonWasm, stdlib, core } }) before the first session runs`,
    );
  }
  for (const [name, kind] of Object.entries(KINDS)) {
    const module: unknown = modules[name as keyof WorkerModules];
    if (module === undefined && OPTIONAL.includes(name)) continue;
    if (kindOf(module) !== kind) {
      throw optionError(
        `modules.${name} must be a module of kind ${kind}, got ${kindOf(module)}; see that the ` +
          `bundler takes .wasm for compiled WebAssembly, and .zip and .gz for data`,
      );
    }
  }
  return modules;
}

function kindOf(module: unknown): string {
  if (module instanceof WebAssembly.Module) return "WebAssembly.Module";
  return module instanceof ArrayBuffer ? "ArrayBuffer" : typeof module;
}

function checkedModels(models: WorkerOptions["models"]): URL | ModelSource | undefined {
  if (models === undefined || typeof models === "function") return models;
  try {
    return asFolder(new URL(models));
  } catch {
    throw optionError(
      `models must be an absolute URL or a function, got ${JSON.stringify(models)}`,
    );
  }
}

function optionError(message: string): EdgeletError {
  return new EdgeletError({ name: "OptionError", message });
}
