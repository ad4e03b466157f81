/** onnxruntime-web on the processor: WebAssembly with SIMD, with threads where the host allows. */

import type * as Package from "onnxruntime-web/wasm";

import { ModelFailure } from "./bridge.js";
import type { Artefact, Engine, Network } from "./engine.js";
import { reasonOf } from "./files.js";
import { type Onnxruntime, openNetwork, optimization } from "./onnxruntime.js";
import { probeGraph } from "./probe.js";
import { Turns } from "./shared_work.js";
import { withModule } from "./wasm_module.js";

/** The parts of onnxruntime-web. */
export interface WasmParts {
  /** Imports the package's build for this host: `onnxruntime-web/wasm`, or its own for Node. */
  readonly load: () => Promise<typeof Package>;
  /** Gives `ort-wasm-simd-threaded.wasm`, compiled. */
  readonly module: () => Promise<WebAssembly.Module>;
  /** The URL of `ort-wasm-simd-threaded.mjs`; not needed with a build that has it within. */
  readonly glue?: string;
  readonly threads: number;
}

/**
 * The engine. onnxruntime-web keeps its state in its module, so it is started once in a thread of
 * JavaScript, with the parts of the engine that came first.
 */
export class WasmEngine implements Engine {
  readonly #parts: WasmParts;

  constructor(parts: WasmParts) {
    this.#parts = parts;
  }

  prepare(): void {
    started(this.#parts).catch(() => undefined); // `open` says it
  }

  async open(artefact: Artefact): Promise<Network> {
    return openNetwork(
      await started(this.#parts),
      artefact,
      {
        executionProviders: ["wasm"],
        enableCpuMemArena: false,
        graphOptimizationLevel: optimization(artefact),
      },
      TURNS,
    );
  }
}

const TURNS = new Turns();
let starting: Promise<Onnxruntime> | undefined;

/** onnxruntime-web, started. A start that failed is tried again. */
function started(parts: WasmParts): Promise<Onnxruntime> {
  if (starting === undefined) {
    const attempt = start(parts);
    starting = attempt;
    attempt.catch(() => {
      if (starting === attempt) starting = undefined;
    });
  }
  return starting;
}

async function start({ load, module, glue, threads }: WasmParts): Promise<Onnxruntime> {
  // onnxruntime-web imports its glue too late, and cannot start again when that fails.
  const [onnxruntime, compiled] = await Promise.all([
    loaded(load()),
    module(),
    glue === undefined ? undefined : loaded(import(glue)),
  ]);
  const standIn = new ArrayBuffer(8);
  const { wasm } = onnxruntime.env;
  onnxruntime.env.logLevel = "fatal";
  wasm.numThreads = threads;
  wasm.wasmBinary = standIn;
  if (glue !== undefined) wasm.wasmPaths = { mjs: glue };
  try {
    // It starts with its first session. A tiny one does, while the model's files are still coming.
    await withModule(compiled, standIn, async () => {
      const session = await onnxruntime.InferenceSession.create(probeGraph());
      await session.release();
    });
  } catch (error) {
    throw new ModelFailure(`onnxruntime-web cannot start: ${reasonOf(error)}`);
  }
  return onnxruntime;
}

async function loaded<T>(module: Promise<T>): Promise<T> {
  try {
    return await module;
  } catch (error) {
    throw new ModelFailure(`onnxruntime-web cannot be loaded: ${reasonOf(error)}`);
  }
}
