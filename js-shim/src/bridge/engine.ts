/**
 * What runs models, as `Models` sees it: onnxruntime in WebAssembly, on a GPU, or native.
 */

import type { RunModel } from "./bridge.js";
import type { ArtefactCard } from "./card.js";

/** The checked parts of an artefact that an engine needs; `where` names its folder in errors. */
export interface Artefact {
  readonly where: string;
  readonly card: ArtefactCard;
  readonly graph: Uint8Array<ArrayBuffer>;
  readonly weights: Uint8Array<ArrayBuffer>;
}

/** A batch to run: `RunModel` without the handle. */
export type Batch = Omit<RunModel, "handle">;

/** A model that an engine has opened. */
export interface Network {
  /**
   * The output of a batch, flat, in memory of its own. Throws `ModelFailure` when the engine
   * refuses the batch. The arrays of the batch must stay as they are until then.
   */
  run(batch: Batch, signal: AbortSignal): Promise<Float32Array>;
  /** Give its memory back, after the batch that is running. */
  dispose(): Promise<void>;
}

/** One way of running models. */
export interface Engine {
  /** Begin to start, so that a model that is still being fetched finds it ready. Never throws. */
  prepare(): void;
  /** Throws `ModelFailure` when the engine cannot start, or refuses the model. */
  open(artefact: Artefact): Promise<Network>;
}
