/**
 * The seam between core and this host: one method an effect, name for name as in
 * `edgelet.effects`. Core decides; a bridge carries bytes, tensors and time.
 *
 * Deadlines are kept by the driver, which aborts the `signal` of a method that takes too long.
 */

import type { ModelCard, Precision } from "../types.js";

/** The outputs of a model artefact: pooled or one row per token; L2-normalised or raw. */
export type Output =
  | "sentence_embedding"
  | "sentence_embedding_raw"
  | "token_embeddings"
  | "token_embeddings_raw";

/** Find, check and load an embedding model. `precision: null` asks for the host's default. */
export interface OpenModel {
  readonly model: string;
  readonly precision: Precision | null;
}

/**
 * An opened model. `handle` names it in `RunModel`; one model and precision is opened once and
 * shared.
 */
export interface OpenedModel {
  readonly handle: number;
  readonly card: ModelCard;
  readonly tokenizerJson: Uint8Array;
}

/**
 * Run one batch. `tokenIds` holds the texts' ids one after another, without padding; `lengths` the
 * number of tokens of each. The answer is flat: `[texts, dimensions]` for the sentence outputs,
 * `[texts, longest, dimensions]` for the token outputs. `alone`: no other batch runs beside it.
 */
export interface RunModel {
  readonly handle: number;
  readonly tokenIds: Int32Array;
  readonly lengths: Int32Array;
  readonly output: Output;
  readonly alone: boolean;
}

/** An HTTP request, whole. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** A response whose body has not been read yet; `headers` has lower-case names. */
export interface ResponseHead {
  readonly response: number;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a JavaScript host offers to core. */
export interface Bridge {
  /** Answer `Env`. */
  env(name: string): string | undefined;
  /** Answer `OpenModel`. Throws `ModelFailure` when the model cannot be had. */
  openModel(effect: OpenModel, signal: AbortSignal): Promise<OpenedModel>;
  /** Begin to open a model that core is about to ask for; `openModel` tells of a failure. */
  foresee(effect: OpenModel, signal: AbortSignal): void;
  /**
   * A function that turns a text into token ids with special tokens and without truncation, by
   * the host's tokenizer library. Asked for only when core has no tokenizer for the model.
   */
  encoder(handle: number): Promise<(text: string) => Int32Array>;
  /** Answer `RunModel`. Throws `ModelFailure` when the engine refuses the batch. */
  runModel(effect: RunModel, signal: AbortSignal): Promise<Float32Array>;
  /** Answer `Send`. Throws `TransportFailure` when the network fails. */
  send(request: HttpRequest, signal: AbortSignal): Promise<ResponseHead>;
  /** Answer `Receive`: all bytes that are ready; none at the end. Throws `TransportFailure`. */
  receive(response: number, signal: AbortSignal): Promise<Uint8Array>;
  /** Answer `Close`; never throws. */
  close(response: number): void;
  /** Give back all memory: models, engines, connections. The bridge is of no use afterwards. */
  dispose(): Promise<void>;
}

/** A model that cannot be found, fetched, opened or run: one sentence for a person. */
export class ModelFailure extends Error {
  override readonly name = "ModelFailure";
}

/** The network failed; `phase` says how far it had come, `message` is the network's own words. */
export class TransportFailure extends Error {
  override readonly name = "TransportFailure";

  constructor(
    readonly phase: "connect" | "exchange",
    reason: string,
  ) {
    super(reason);
  }
}
