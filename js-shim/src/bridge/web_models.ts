/** The models of a browser: by `fetch`, kept in the Cache API, run by onnxruntime-web. */

import type { RuntimeOptions } from "../types.js";
import { ModelFailure } from "./bridge.js";
import type { Engine } from "./engine.js";
import { WasmEngine } from "./engine_wasm.js";
import { WebGpuEngine } from "./engine_webgpu.js";
import { asFolder } from "./files.js";
import { FetchedFiles } from "./files_fetched.js";
import { Models } from "./models.js";
import { fetchModule } from "./wasm_module.js";

/**
 * The models of a page or of its worker. `assets` is the folder that holds `onnxruntime/` and
 * `models/`, as an absolute URL; `page` is what relative models are relative to.
 */
export function webModels(
  options: RuntimeOptions,
  assets: string,
  page: string | undefined = globalThis.location?.href,
): Models {
  const { device, threads } = options;
  const folder = new URL("onnxruntime/", assets).href;
  return fetchedModels(options, assets, page, () => webEngine(device, threads, folder));
}

/** The models that a service worker runs: it may import nothing, and has no threads. */
export function serviceWorkerModels(options: RuntimeOptions, assets: string): Models {
  const engine = new WasmEngine({
    load: () => import("onnxruntime-web/wasm"), // the build that has its glue within
    module: () => fetchModule(`${assets}onnxruntime/ort-wasm-simd-threaded.wasm`),
    threads: 1,
  });
  return fetchedModels(options, assets, undefined, () => engine);
}

function fetchedModels(
  { models, precision, onProgress }: RuntimeOptions,
  assets: string,
  page: string | undefined,
  makeEngine: () => Engine,
): Models {
  return new Models({
    models: models === undefined ? new URL("models/", assets) : asFolder(new URL(models, page)),
    files: new FetchedFiles({ base: page, caches: ownCaches() }),
    makeEngine,
    precision,
    onProgress,
  });
}

function webEngine(
  device: RuntimeOptions["device"],
  threads: number = usefulThreads(),
  folder: string,
): Engine {
  const wasm = new WasmEngine({
    load: () => import("onnxruntime-web/wasm"),
    module: () => fetchModule(`${folder}ort-wasm-simd-threaded.wasm`),
    glue: `${folder}ort-wasm-simd-threaded.mjs`,
    threads,
  });
  switch (device) {
    case "native":
      throw new ModelFailure(`a browser has no native engine; use the device "wasm" or "webgpu"`);
    case "webgpu":
      return new WebGpuEngine(folder, wasm);
    default:
      return wasm;
  }
}

/** The browser's store; a frame that is sandboxed may not even ask for it. */
function ownCaches(): CacheStorage | undefined {
  try {
    return globalThis.caches;
  } catch {
    return undefined;
  }
}

/** Threads need shared memory; half of the logical processors are the real cores. */
function usefulThreads(): number {
  if (!globalThis.crossOriginIsolated) return 1;
  return Math.min(4, Math.ceil((navigator.hardwareConcurrency || 1) / 2));
}
