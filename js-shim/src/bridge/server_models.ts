/** The models of a server: from a folder, run by onnxruntime-node or else onnxruntime-web. */

import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

import type { RuntimeOptions } from "../types.js";
import { ModelFailure } from "./bridge.js";
import type { Engine } from "./engine.js";
import { findNative, NativeEngine } from "./engine_native.js";
import { WasmEngine } from "./engine_wasm.js";
import { reasonOf } from "./files.js";
import { FilesOnDisk } from "./files_on_disk.js";
import { Models } from "./models.js";

/** The models of Node, Deno or Bun. `assets` is the folder that holds `onnxruntime/` and `models/`. */
export function serverModels(options: RuntimeOptions, assets: string): Models {
  const { models, precision, onProgress, device, threads } = options;
  const files = new FilesOnDisk();
  const place = models instanceof URL ? models.href : (models ?? join(assets, "models"));
  return new Models({
    models: files.locate(place),
    files,
    makeEngine: () => serverEngine(device, threads, join(assets, "onnxruntime")),
    precision,
    onProgress,
  });
}

function serverEngine(
  device: RuntimeOptions["device"],
  threads: number | undefined,
  folder: string,
): Engine {
  if (device === "webgpu") warn("only browsers have WebGPU; models run in WebAssembly");
  if (device === "native" || device === undefined) {
    const found = findNative();
    if ("onnxruntime" in found) {
      return new NativeEngine(found.onnxruntime, threads ?? availableParallelism());
    }
    if (device === "native") {
      throw new ModelFailure(`${found.reason}; install it, or use the device "wasm"`);
    }
    if (found.installed) warn(`${found.reason}; models run in WebAssembly, which is slower`);
  }
  return new WasmEngine({
    // By its bare name, servers get the build that knows Node's workers.
    load: () => import("onnxruntime-web"),
    module: () => compiled(join(folder, "ort-wasm-simd-threaded.wasm")),
    glue: pathToFileURL(join(folder, "ort-wasm-simd-threaded.mjs")).href,
    threads: wasmThreads(threads),
  });
}

async function compiled(file: string): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(await readFile(file));
  } catch (error) {
    throw new ModelFailure(
      `onnxruntime-web cannot be read from ${file}: ${reasonOf(error)}; install edgelet again`,
    );
  }
}

/** onnxruntime-web starts threads in Node alone: in Deno and Bun its workers cannot be loaded. */
function wasmThreads(asked: number | undefined): number {
  const oneOnly = "deno" in process.versions || "bun" in process.versions;
  if (oneOnly && asked !== undefined && asked > 1) {
    warn("onnxruntime-web has one thread here; install onnxruntime-node for more");
  }
  if (oneOnly) return 1;
  return asked ?? Math.min(4, Math.ceil(availableParallelism() / 2));
}

function warn(message: string): void {
  console.warn(`edgelet: ${message}`);
}
