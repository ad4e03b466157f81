/** What material.py wrote, and where the package's own files are. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Batch } from "../../../js-shim/src/bridge/engine.js";
import type { RuntimeOptions } from "../../../js-shim/src/types.js";
import type { Models } from "../../../js-shim/src/bridge/models.js";
import { serverModels } from "../../../js-shim/src/bridge/server_models.js";

const MATERIAL = process.env["EDGELET_MATERIAL"] as string;

export const MODEL = "all-MiniLM-L6-v2";
export const DIMENSIONS = 384;
export const MODELS = join(MATERIAL, "models");
export const ONNXRUNTIME = join(MATERIAL, "onnxruntime");

interface Reference {
  readonly ids: readonly (readonly number[])[];
  readonly reference: readonly (readonly number[])[];
  readonly native: Readonly<Record<string, readonly (readonly number[])[]>>;
}

export const { ids, reference, native } = JSON.parse(
  readFileSync(join(MATERIAL, "reference.json"), "utf-8"),
) as Reference;

/** The models of a server, as `edgelet/node` makes them. */
export function modelsOf(options: RuntimeOptions): Models {
  return serverModels(options, MATERIAL);
}

/** A batch of those texts. */
export function batchOf(
  texts: readonly (readonly number[])[],
  output: Batch["output"] = "sentence_embedding",
): Batch {
  return {
    tokenIds: Int32Array.from(texts.flat()),
    lengths: Int32Array.from(texts, (text) => text.length),
    output,
    alone: texts.length === 1,
  };
}

export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [product, first, second] = [0, 0, 0];
  for (let at = 0; at < a.length; at++) {
    product += a[at]! * b[at]!;
    first += a[at]! ** 2;
    second += b[at]! ** 2;
  }
  return product / Math.sqrt(first * second);
}

/** A signal that nobody fires. */
export function never(): AbortSignal {
  return new AbortController().signal;
}
