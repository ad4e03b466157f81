/**
 * The files of a deployed Worker. What must be compiled, and what Python needs at once, is a module
 * beside the entry and is imported when it is first needed; what is read once, and models, are
 * static assets, which take no memory afterwards.
 */

import { env } from "cloudflare:workers";

import { reasonOf } from "../bridge/files.js";
import type { ModelFile } from "../bridge/worker_models.js";
import type { PythonModules } from "../runtime/workerd.js";

/** What Workers call bindings, as `wrangler.jsonc` names them. */
interface Bindings {
  /** The folder of static assets. */
  readonly EDGELET_ASSETS: { fetch(url: string): Promise<Response> };
  /** The bucket of models; only with a model that static assets cannot hold. */
  readonly EDGELET_MODELS?: {
    get(path: string): Promise<{ readonly body: ReadableStream<Uint8Array> } | null>;
  };
}

const bindings = env as unknown as Bindings;

// These paths hold in the package, where this code lies beside the assets.

/** Python's files. Rejects when an asset cannot be had. */
export async function pythonModules(): Promise<PythonModules> {
  const [asm, pythonWasm, stdlib, core, snapshot] = await Promise.all([
    import("./assets/python/pyodide.asm.mjs"),
    import("./assets/python/pyodide.asm.wasm"),
    import("./assets/python/stdlib.zip"),
    import("./assets/python/core.zip"),
    asset("python/snapshot.bin.gz"),
  ]);
  return {
    asm: asm.default,
    pythonWasm: pythonWasm.default,
    stdlib: stdlib.default,
    core: core.default,
    snapshot,
  };
}

/** The engine of embedding models. */
export async function engineWasm(): Promise<WebAssembly.Module> {
  return (await import("./assets/onnxruntime/ort-wasm-simd-threaded.wasm")).default;
}

/** The bytes of an asset. Rejects when it cannot be had. */
export async function asset(path: string): Promise<ArrayBuffer> {
  const response = await fetched(path);
  if (response.ok) return response.arrayBuffer();
  throw new Error(`the asset ${path} cannot be read (${response.status}); deploy the folder whole`);
}

/** A file of a model. */
export async function modelFile(path: string): Promise<ModelFile> {
  return bindings.EDGELET_MODELS?.get(path) ?? fetched(`models/${path}`);
}

async function fetched(path: string): Promise<Response> {
  try {
    return await bindings.EDGELET_ASSETS.fetch(`https://assets.invalid/${path}`);
  } catch (error) {
    throw new Error(`the asset ${path} cannot be read: ${reasonOf(error)}`);
  }
}
