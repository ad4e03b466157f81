/** The public types of edgelet: what a `Session` takes and gives. Names are those of Supabase. */

/**
 * How a model's weights are stored and multiplied: `fp32` is the reference, `q8` keeps 8-bit block
 * weights (a quarter of the download), `int8` multiplies 8-bit by 8-bit (the fastest).
 */
export type Precision = "fp32" | "q8" | "int8";

/** The facts of one embedding model. */
export interface ModelCard {
  readonly model: string;
  readonly precision: Precision;
  /** The length of a vector. */
  readonly dimensions: number;
  /** Texts are cut at so many tokens, special tokens included. */
  readonly max_tokens: number;
  /** The most tokens that the network itself can take. */
  readonly positions: number;
  readonly pooling: "mean" | "cls";
}

/** How far the loading of one file has come, in bytes. */
export interface Progress {
  /** The file's name below its model, such as `all-MiniLM-L6-v2/int8/model.onnx.data`. */
  readonly file: string;
  readonly loaded: number;
  readonly total: number;
  /** Whether the file came from the cache, so that nothing is transferred. */
  readonly cached: boolean;
}

/** Where a runtime finds its parts, and how it uses the machine. */
export interface RuntimeOptions {
  /** The folder that holds `python/`, `onnxruntime/` and `models/`. Default: beside this module. */
  readonly assets?: string | URL;
  /** The folder of models: `<models>/<model>/<precision>/edgelet.json`. Default: in `assets`. */
  readonly models?: string | URL;
  /** Configuration, such as `AI_INFERENCE_API_HOST`. Default: the process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** What `new Session(model)` computes in, unless it says so. Default: `int8`. */
  readonly precision?: Precision;
  /**
   * Which engine runs models: `wasm`, `webgpu` (used only if its vectors prove right, else `wasm`,
   * with a warning) or `native` (the package onnxruntime-node). Default: `native` where that
   * package is installed, else `wasm`.
   */
  readonly device?: "wasm" | "webgpu" | "native";
  /** Threads of the engine. Default: as many as help on this host. */
  readonly threads?: number;
  /** Start Python from a memory snapshot: sooner up, more to download. Default: on servers. */
  readonly snapshot?: boolean;
  /** In browsers: run in a Web Worker, so that the page never freezes. Default: true. */
  readonly worker?: boolean;
  /** Hears of every file of a model that is loaded. */
  readonly onProgress?: (progress: Progress) => void;
}

/** What a `Session` may be made with, beside its model. */
export interface SessionOptions {
  /** How an embedding model computes. */
  readonly precision?: Precision;
  /** The inference host's URL; else the variable `AI_INFERENCE_API_HOST`. */
  readonly host?: string;
  /** Further request headers for the inference host. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A bearer key for the inference host; else, for the variable's host, `AI_INFERENCE_API_KEY`. */
  readonly api_key?: string;
}

/** One message of a conversation; further fields are passed through. */
export interface Message {
  readonly role: string;
  readonly content?: unknown;
  readonly [field: string]: unknown;
}

/** What a language model is asked: a text, messages, or the dialect's own request object. */
export type Prompt = string | readonly Message[] | Readonly<Record<string, unknown>>;

/**
 * The limits of one generation, in seconds (`null`: no limit), and how often to try again. `fetch`
 * does not tell the connection phase apart, so `connect_timeout` is not heard here.
 */
export interface GenerateLimits {
  readonly timeout?: number | null;
  readonly connect_timeout?: number | null;
  readonly first_chunk_timeout?: number | null;
  readonly between_chunks_timeout?: number | null;
  readonly retries?: number;
}

/** How texts are embedded. */
export interface EmbedOptions {
  /** One vector a text (true, the default), or one row a token. */
  readonly mean_pool?: boolean;
  /** Whether every row has length 1 (true, the default). */
  readonly normalize?: boolean;
  /** Cut texts over the limit (true, the default), or refuse them. */
  readonly truncate?: boolean;
  /** Cut at so many tokens instead of the model's limit. */
  readonly max_tokens?: number;
  /** Seconds for the whole call. */
  readonly timeout?: number | null;
  /** Called with the number of texts done, and of all texts. */
  readonly progress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** How text is generated; further fields go to the server as they are. */
export interface GenerateOptions extends GenerateLimits {
  readonly mode?: "ollama" | "openaicompatible";
  readonly stream?: boolean;
  readonly signal?: AbortSignal;
  readonly [field: string]: unknown;
}

/** The options of Supabase's `Session.run`, and those of `embed` and `generate`. */
export interface ModelOptions extends GenerateLimits {
  readonly mean_pool?: boolean;
  readonly normalize?: boolean;
  readonly truncate?: boolean;
  readonly stream?: boolean;
  readonly mode?: "ollama" | "openaicompatible";
  readonly signal?: AbortSignal;
  readonly [field: string]: unknown;
}

/** Vectors of a list of texts, in their order. */
export interface Embeddings {
  readonly card: ModelCard;
  /** All rows, one after another: shape `[rows, dimensions]`. */
  readonly values: Float32Array;
  /** One vector a text; without `mean_pool`, see `rows`. */
  readonly vectors: Float32Array[];
  /** One list of rows a text, one row a token; with `mean_pool`, one row a text. */
  readonly rows: Float32Array[][];
  /** Tokens of each text after cutting, special tokens included. */
  readonly token_counts: readonly number[];
  /** The texts that were cut, by index. */
  readonly truncated: readonly number[];
}

/** One piece of a model's answer, the same for every dialect. */
export interface Chunk {
  readonly text: string;
  readonly thinking: string;
  readonly tool_calls: readonly unknown[];
  readonly finish_reason: string | null;
  readonly prompt_tokens: number | null;
  readonly completion_tokens: number | null;
  /** The chunk as it came. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** A stream: leaving its loop early closes the connection at once. */
export type ChunkStream<T> = AsyncIterableIterator<T> & AsyncDisposable;
