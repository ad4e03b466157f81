/** The models of a Cloudflare Worker: from wherever it keeps them, run by onnxruntime-web. */

import { outlivingRequest } from "../runtime/request_life.js";
import type { Precision, Progress } from "../types.js";
import { ModelFailure } from "./bridge.js";
import type { ModelsOfBridge } from "./compose.js";
import type { Engine } from "./engine.js";
import { WasmEngine } from "./engine_wasm.js";
import { FetchedFiles } from "./files_fetched.js";
import { Models } from "./models.js";
import { unlessAborted } from "./shared_work.js";

/** A file: its bytes, or what has them as its body; `null` or `undefined` when there is none. */
export type ModelFile =
  | ArrayBuffer
  | { readonly body: ReadableStream<Uint8Array> | null; readonly status?: number }
  | null
  | undefined;

/**
 * Gives a file of a model by its path in the folder of models, such as
 * `all-MiniLM-L6-v2/int8/model.onnx`. Every file is checked by size and SHA-256 afterwards.
 */
export type ModelSource = (path: string) => ModelFile | Promise<ModelFile>;

/** What models are made of in a Worker. */
export interface WorkerModelsParts {
  /** Gives `ort-wasm-simd-threaded.wasm`. */
  readonly engineWasm: (() => Promise<WebAssembly.Module>) | undefined;
  /** The URL of their folder, ending in a slash, or what gives their files. */
  readonly models: URL | ModelSource | undefined;
  readonly precision: Precision | undefined;
  readonly onProgress: ((progress: Progress) => void) | undefined;
}

/** The models, which requests share: what one of them began is finished for the others. */
export function workerModels(parts: WorkerModelsParts): ModelsOfBridge {
  const { engineWasm, models: place = nothing, precision, onProgress } = parts;
  const models = new Models({
    models: place instanceof URL ? place : FOLDER,
    files: new FetchedFiles({
      base: undefined,
      ...(place instanceof URL ? {} : { fetch: fetchFrom(place) }),
    }),
    makeEngine: () => engineOf(engineWasm),
    precision,
    onProgress,
  });
  return {
    open: (effect, signal) => outlivingRequest(() => models.open(effect, signal)),
    foresee: (effect, signal) => outlivingRequest(() => models.foresee(effect, signal)),
    run: (effect, signal) => outlivingRequest(() => models.run(effect, signal)),
    encoder: (handle) => models.encoder(handle),
    dispose: () => models.dispose(),
  };
}

function engineOf(module: WorkerModelsParts["engineWasm"]): Engine {
  if (module === undefined) {
    throw new ModelFailure(
      `an embedding model needs the engine: import ` +
        `"edgelet/assets/onnxruntime/ort-wasm-simd-threaded.wasm" and pass it to configure() as ` +
        `modules.engineWasm`,
    );
  }
  return new WasmEngine({
    load: () => import("onnxruntime-web/wasm"), // the build that has its glue within
    module,
    threads: 1,
  });
}

function nothing(): never {
  throw new ModelFailure(
    `the Worker was not told where its models are: pass configure() the option "models", the URL ` +
      `of their folder or a function that gives a file by its path`,
  );
}

/** Where the files of a function seem to lie: URLs of this kind are shown as paths. */
const FOLDER = new URL("file:///models/");

/** `fetch` for models whose files a function gives; other URLs mean what they say. */
function fetchFrom(source: ModelSource): typeof fetch {
  return async (input, init) => {
    const url = String(input);
    if (!url.startsWith(FOLDER.href)) return fetch(input, init);
    const path = decodeURIComponent(url.slice(FOLDER.href.length));
    const signal = init?.signal ?? new AbortController().signal;
    const file = await unlessAborted(Promise.resolve(source(path)), signal);
    if (file === null || file === undefined) return new Response(null, { status: 404 });
    if (file instanceof ArrayBuffer) return new Response(file);
    const { body, status = 200 } = file;
    return new Response(body?.pipeThrough(new TransformStream(), { signal }) ?? null, { status });
  };
}
