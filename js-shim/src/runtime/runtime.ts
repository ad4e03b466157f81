/**
 * What a `Session` asks of the place where core runs: this thread (`LocalRuntime`) or another
 * (`WorkerRuntime`). Calls and answers are plain values, so that they cross threads.
 */

import type { ModelCard, Precision } from "../types.js";

/**
 * One call of a session. `asked` is what core is told of it, as JSON: `method` (`run`, `embed` or
 * `generate`), `model`, `session`, `prompt` and `options`. Model and precision are repeated, so
 * that a model can be loaded while Python starts.
 */
export interface Call {
  readonly model: string;
  readonly precision: Precision | undefined;
  readonly asked: string;
}

/** What travels beside a call. */
export interface CallListeners {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

/** Vectors as core gives them: all rows in one buffer. */
export interface EmbeddingsAnswer {
  readonly kind: "embeddings";
  readonly values: Float32Array;
  readonly card: ModelCard;
  /** Whether there is one row a text, or one a token. */
  readonly pooled: boolean;
  readonly token_counts: readonly number[];
  readonly truncated: readonly number[];
}

/** The answer to a call. A stream is a number, to be given to `receive` and `close`. */
export type Answer =
  | EmbeddingsAnswer
  | { readonly kind: "answer"; readonly value: unknown }
  | { readonly kind: "stream"; readonly stream: number };

/** The chunks of a stream that were ready. After `ended` there are no more. */
export interface Chunks {
  readonly chunks: readonly unknown[];
  readonly ended: boolean;
}

/** Figures that show whether anything leaks. */
export interface Diagnostics {
  /** Bytes of Python's WebAssembly memory. */
  readonly python_heap: number;
  /** Calls and streams that core holds. */
  readonly live_calls: number;
  /** JavaScript objects that Python holds, Pyodide's own included. */
  readonly live_proxies: number;
  /** Responses that are open. */
  readonly open_responses: number;
}

/** Where core runs. */
export interface Runtime {
  /** Make a call. Rejects with `EdgeletError`, or the reason of the signal that fired. */
  call(call: Call, listeners?: CallListeners): Promise<Answer>;
  /** Wait for the next chunks of a stream. Rejects as `call` does; the stream is closed then. */
  receive(stream: number, signal?: AbortSignal): Promise<Chunks>;
  /** Close a stream and its connection. Never rejects. */
  close(stream: number): Promise<void>;
  /** The token ids of a text by an embedding model's tokenizer, special tokens included. */
  tokenIds(model: string, text: string): Promise<Int32Array>;
  /** Figures that show whether anything leaks. */
  diagnostics(): Promise<Diagnostics>;
  /** Give back all memory. The next call starts anew. */
  dispose(): Promise<void>;
}
