/** The package onnxruntime-node, where it is installed: native code, several times as fast. */

import { createRequire } from "node:module";

import type * as Package from "onnxruntime-node";

import { ModelFailure } from "./bridge.js";
import type { Artefact, Engine, Network } from "./engine.js";
import { reasonOf } from "./files.js";
import { FATAL_ONLY, openNetwork, optimization } from "./onnxruntime.js";
import { PROBE, probeGraph } from "./probe.js";
import { Turns } from "./shared_work.js";

type NativeOnnxruntime = typeof Package;

/** For a processor whose int8 products saturate. It is one of the optimizations that heeds this. */
const EXACT_INT8 = {
  extra: { session: { x64quantprecision: "1" } },
  graphOptimizationLevel: "all",
} as const;

/** The package, or why there is none; `installed` tells a broken one from a missing one. */
export type Found =
  | { readonly onnxruntime: NativeOnnxruntime }
  | { readonly installed: boolean; readonly reason: string };

/** Look for the package. It is loaded by its name at run time, so that nothing fails without it. */
export function findNative(): Found {
  const name = "onnxruntime-node";
  const require = createRequire(import.meta.url);
  try {
    require.resolve(name);
  } catch {
    return { installed: false, reason: "onnxruntime-node is not installed" };
  }
  try {
    return { onnxruntime: require(name) as NativeOnnxruntime };
  } catch (error) {
    return { installed: true, reason: `onnxruntime-node cannot be loaded: ${reasonOf(error)}` };
  }
}

/**
 * The engine. Its runs hold the thread of JavaScript, so that batches cannot run side by side, one
 * a core, as they do on CPython; each gets all cores instead.
 */
export class NativeEngine implements Engine {
  readonly #onnxruntime: NativeOnnxruntime;
  readonly #threads: number;
  readonly #turns = new Turns();
  #saturates: Promise<boolean> | undefined;

  constructor(onnxruntime: NativeOnnxruntime, threads: number) {
    this.#onnxruntime = onnxruntime;
    this.#threads = threads;
    onnxruntime.env.logLevel = "fatal";
  }

  prepare(): void {
    // Loading the package was all there is to start.
  }

  async open(artefact: Artefact): Promise<Network> {
    const int8 = artefact.card.facts.precision === "int8";
    // Slower, but right. Not set without need: it would slow the right kernels down too.
    const careful = int8 && (await this.#int8Saturates());
    const options = {
      executionProviders: ["cpu"],
      intraOpNumThreads: this.#threads,
      interOpNumThreads: 1,
      // With the arena and without memory patterns, of which one is kept for every shape ever
      // seen, memory stays flat over mixed lengths at no cost in speed.
      enableMemPattern: false,
      ...(careful ? EXACT_INT8 : { graphOptimizationLevel: optimization(artefact) }),
    };
    return openNetwork(this.#onnxruntime, artefact, options, this.#turns);
  }

  #int8Saturates(): Promise<boolean> {
    this.#saturates ??= int8Saturates(this.#onnxruntime).catch((error: unknown) => {
      this.#saturates = undefined; // it may be tried again
      throw error;
    });
    return this.#saturates;
  }
}

/**
 * Whether this processor's int8 product of unsigned by signed bytes loses large sums: x86 without
 * VNNI adds pairs of products in 16 bits (`PMADDUBSW`). Throws `ModelFailure` when onnxruntime
 * cannot run at all.
 */
export async function int8Saturates(onnxruntime: NativeOnnxruntime): Promise<boolean> {
  try {
    const options = { logSeverityLevel: FATAL_ONLY, intraOpNumThreads: 1 } as const;
    const session = await onnxruntime.InferenceSession.create(probeGraph(), options);
    const bytes = new Uint8Array(PROBE.rows * PROBE.columns).fill(255);
    const a = new onnxruntime.Tensor("uint8", bytes, [PROBE.rows, PROBE.columns]);
    const { y } = await session.run({ a });
    await session.release();
    return !(y?.data as Int32Array).every((product) => product === PROBE.product);
  } catch (error) {
    throw new ModelFailure(`onnxruntime-node cannot run: ${reasonOf(error)}`);
  }
}
