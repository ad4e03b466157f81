/**
 * onnxruntime-web on the GPU, for models that prove right on it: drivers are known to give wrong
 * numbers without a word. The same file in WebAssembly says what the vectors must be.
 */

import type { Artefact, Batch, Engine, Network } from "./engine.js";
import { ModelFailure, type Output } from "./bridge.js";
import { reasonOf } from "./files.js";
import { type Onnxruntime, openNetwork } from "./onnxruntime.js";
import { Turns } from "./shared_work.js";

/** Vectors that agree less than this are wrong. */
export const LEAST_COSINE = 0.999;

/** The engine. Where the GPU fails, it says so in the console once and uses the other engine. */
export class WebGpuEngine implements Engine {
  readonly #folder: string;
  readonly #wasm: Engine;
  #warned = false;

  /** `folder` is the URL of onnxruntime-web's files; `wasm` is the engine to compare with. */
  constructor(folder: string, wasm: Engine) {
    this.#folder = folder;
    this.#wasm = wasm;
  }

  prepare(): void {
    this.#wasm.prepare();
  }

  async open(artefact: Artefact): Promise<Network> {
    const sure = await this.#wasm.open(artefact);
    let fast: Network | undefined;
    try {
      fast = await openOnGpu(this.#folder, artefact);
      await prove(fast, sure, artefact.card.facts.dimensions);
      await sure.dispose();
      return fast;
    } catch (error) {
      await fast?.dispose();
      this.#warn(reasonOf(error));
      return sure;
    }
  }

  #warn(reason: string): void {
    if (this.#warned) return;
    this.#warned = true;
    console.warn(`edgelet: models run in WebAssembly instead of on the GPU: ${reason}`);
  }
}

async function openOnGpu(folder: string, artefact: Artefact): Promise<Network> {
  const { gpu } = navigator as { readonly gpu?: { requestAdapter(): Promise<unknown> } };
  if (!(await gpu?.requestAdapter())) throw new ModelFailure("this browser offers no GPU");
  await demand(`${folder}ort-wasm-simd-threaded.asyncify.mjs`);
  const onnxruntime = await import("onnxruntime-web/webgpu");
  onnxruntime.env.logLevel = "fatal";
  onnxruntime.env.wasm.wasmPaths = folder;
  onnxruntime.env.wasm.numThreads = 1;
  const options = { executionProviders: ["webgpu"], enableCpuMemArena: false };
  return openNetwork(onnxruntime as Onnxruntime, artefact, options, TURNS);
}

/** The engine for GPUs is large, so that it is not part of every deployment. */
async function demand(url: string): Promise<void> {
  const { ok } = await fetch(url, { method: "HEAD" });
  if (ok) return;
  throw new ModelFailure(
    `${url} is missing; copy ort-wasm-simd-threaded.asyncify.mjs and .wasm ` +
      `of the package onnxruntime-web there`,
  );
}

const TURNS = new Turns();

/** Texts of several lengths, of ids that every vocabulary has: kernels are chosen by shape. */
const KNOWN_BATCHES: readonly (readonly number[])[] = [[12], [3, 17, 40], [128, 128]];

/** Throw unless both networks give the same vectors. */
async function prove(candidate: Network, reference: Network, dimensions: number): Promise<void> {
  for (const lengths of KNOWN_BATCHES) {
    for (const output of ["sentence_embedding", "token_embeddings"] satisfies Output[]) {
      const batch = knownBatch(lengths, output);
      const { signal } = new AbortController();
      const got = await candidate.run(batch, signal);
      const expected = await reference.run(batch, signal);
      const cosine = leastCosine(got, expected, rowsOf(batch), dimensions);
      if (!(cosine >= LEAST_COSINE)) {
        throw new ModelFailure(`the GPU gives wrong vectors (cosine ${cosine.toFixed(4)})`);
      }
    }
  }
}

function knownBatch(lengths: readonly number[], output: Output): Batch {
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const tokenIds = Int32Array.from({ length: tokens }, (_, index) => 1 + ((index * 7919) % 997));
  return { tokenIds, lengths: Int32Array.from(lengths), output, alone: true };
}

/** The rows of an answer that mean something: those past a text's end do not. */
function rowsOf({ lengths, output }: Batch): readonly number[] {
  if (output.startsWith("sentence_")) return Array.from(lengths.keys());
  const longest = Math.max(...lengths);
  return Array.from(lengths).flatMap((length, text) =>
    Array.from({ length }, (_, token) => text * longest + token),
  );
}

/** The least cosine between the same rows of two answers; NaN when a number is none. */
export function leastCosine(
  got: Float32Array,
  expected: Float32Array,
  rows: readonly number[],
  dimensions: number,
): number {
  let least = 1;
  for (const row of rows) {
    let [product, first, second] = [0, 0, 0];
    for (let at = row * dimensions; at < (row + 1) * dimensions; at++) {
      const [a, b] = [got[at] ?? NaN, expected[at] ?? NaN];
      product += a * b;
      first += a * a;
      second += b * b;
    }
    least = Math.min(least, product / Math.sqrt(first * second));
  }
  return least;
}
