/** `Session`: the face that Supabase's has, and the typed faces beside it. */

import { EdgeletError, messageOf } from "./errors.js";
import type { Answer, EmbeddingsAnswer, Runtime } from "./runtime/runtime.js";
import type {
  Chunk,
  ChunkStream,
  Embeddings,
  EmbedOptions,
  GenerateOptions,
  ModelOptions,
  Prompt,
  SessionOptions,
} from "./types.js";

/** An answer of a language model as it came. */
export type RawAnswer = Record<string, unknown>;

type Listened = {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((done: number, total: number) => void) | undefined;
};

/** Which sessions have used a runtime, are still there, and have not been disposed of. */
const users = new WeakMap<Runtime, Set<object>>();

/** Forgets sessions that were dropped without being disposed of. */
const gone = new FinalizationRegistry<{ readonly using: Set<object>; readonly user: object }>(
  ({ using, user }) => void using.delete(user),
);

/**
 * A model to run: an embedding model (`gte-small`), or a language model on an inference host.
 *
 * A session holds nothing until it is used, and may be shared.
 *
 * @example
 * const session = new Session("all-MiniLM-L6-v2");
 * const vector = await session.run("Hello world", { mean_pool: true, normalize: true });
 */
export class RuntimeSession {
  readonly model: string;
  readonly #runtime: () => Runtime;
  readonly #options: SessionOptions;
  /** What stands for this session among the users of its runtime. */
  readonly #user = {};

  constructor(model: string, runtime: () => Runtime, options: SessionOptions) {
    this.model = model;
    this.#runtime = runtime;
    const { precision, host, headers, api_key } = options;
    this.#options = JSON.parse(
      JSON.stringify({ precision, host, headers, api_key }),
    ) as SessionOptions;
  }

  /**
   * Run the model on `prompt`, exactly as Supabase's `Session.run` does.
   *
   * An embedding model gives a `number[]` for a string and a `number[][]` for an array; with
   * `mean_pool: false` each is an array of rows, one a token. A language model gives the server's
   * JSON object or, with `stream: true`, an async iterable of such objects.
   *
   * Rejects with `EdgeletError`, or with the reason of `signal`.
   */
  run(prompt: string, options: ModelOptions & { stream: true }): Promise<ChunkStream<RawAnswer>>;
  run(prompt: Prompt | readonly string[], options?: ModelOptions): Promise<any>;
  async run(prompt: unknown, options: ModelOptions = {}): Promise<unknown> {
    const answer = await this.#call("run", prompt, options);
    switch (answer.kind) {
      case "embeddings": {
        const rows = embeddingsOf(answer).rows.map((text) => text.map((row) => [...row]));
        const shaped = answer.pooled ? rows.map(([vector]) => vector) : rows;
        return typeof prompt === "string" ? shaped[0] : shaped;
      }
      case "stream":
        return chunkStream<RawAnswer>(this.#runtime(), answer.stream, options.signal);
      default:
        return answer.value;
    }
  }

  /** Embed one text or many. */
  async embed(texts: string | readonly string[], options: EmbedOptions = {}): Promise<Embeddings> {
    const answer = await this.#call("embed", texts, options as Record<string, unknown>);
    return embeddingsOf(answer as EmbeddingsAnswer);
  }

  /** Generate text: one `Chunk`, or with `stream: true` an async iterable of them. */
  generate(
    prompt: Prompt,
    options: GenerateOptions & { stream: true },
  ): Promise<ChunkStream<Chunk>>;
  generate(prompt: Prompt, options?: GenerateOptions & { stream?: false }): Promise<Chunk>;
  async generate(
    prompt: Prompt,
    options: GenerateOptions = {},
  ): Promise<Chunk | ChunkStream<Chunk>> {
    const answer = await this.#call("generate", prompt, options);
    if (answer.kind === "stream") {
      return chunkStream<Chunk>(this.#runtime(), answer.stream, options.signal);
    }
    return (answer as { readonly value: unknown }).value as Chunk;
  }

  /**
   * Give back the memory: models and Python itself go with the last session that uses them. The
   * next call starts anew.
   */
  async dispose(): Promise<void> {
    const runtime = this.#runtime();
    const using = users.get(runtime);
    if (using?.delete(this.#user) && using.size === 0) await runtime.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #isUsing(runtime: Runtime): void {
    const using = users.get(runtime) ?? new Set<object>();
    users.set(runtime, using);
    if (using.has(this.#user)) return;
    using.add(this.#user);
    gone.register(this, { using, user: this.#user });
  }

  async #call(
    method: "run" | "embed" | "generate",
    prompt: unknown,
    given: Record<string, unknown>,
  ): Promise<Answer> {
    const { signal, progress, ...options } = given as Listened & Record<string, unknown>;
    const { model } = this;
    const asked = asJson({ method, model, session: this.#options, prompt, options });
    const runtime = this.#runtime();
    this.#isUsing(runtime);
    return runtime.call({ model, precision: this.#options.precision, asked }, { signal, progress });
  }
}

/** What core is told, as JSON. Throws `OptionError` for what JSON would change silently. */
function asJson(asked: Readonly<Record<string, unknown>>): string {
  try {
    return JSON.stringify(asked, (name, value: unknown) => {
      if (typeof value === "function" || Number.isNaN(value)) {
        throw new TypeError(`${name} is ${typeof value === "function" ? "a function" : "NaN"}`);
      }
      return value;
    });
  } catch (error) {
    throw optionError(`what the session is asked cannot be written as JSON: ${messageOf(error)}`);
  }
}

/** `Session`: made of a model's name; `runtime` says where it runs, if not where all others do. */
export type SessionClass = new (
  model: string,
  options?: SessionOptions & { readonly runtime?: Runtime },
) => RuntimeSession;

/** The class `Session` of a host, whose sessions run where `shared` says unless told otherwise. */
export function sessionClass(shared: () => Runtime): SessionClass {
  return class Session extends RuntimeSession {
    constructor(model: string, options: SessionOptions & { readonly runtime?: Runtime } = {}) {
      const { runtime, ...own } = options;
      super(model, runtime === undefined ? shared : () => runtime, own);
    }
  };
}

function optionError(message: string): EdgeletError {
  return new EdgeletError({ name: "OptionError", message });
}

/** The vectors of an answer, as views of its one buffer. */
function embeddingsOf(answer: EmbeddingsAnswer): Embeddings {
  const { values, card, pooled, token_counts, truncated } = answer;
  let first = 0;
  const rows = token_counts.map((tokens) => {
    const count = pooled ? 1 : tokens;
    return Array.from({ length: count }, () => {
      const row = values.subarray(first * card.dimensions, (first + 1) * card.dimensions);
      first += 1;
      return row;
    });
  });
  const vectors = pooled ? rows.map(([row]) => row as Float32Array) : rows.flat();
  return { card, values, vectors, rows, token_counts, truncated };
}

/** A stream as its iterator has it. It must not know the iterator, whose end is told by its absence. */
interface Source {
  readonly runtime: Runtime;
  readonly stream: number;
  readonly signal: AbortSignal | undefined;
  /** Hears the signal. */
  readonly aborted: () => void;
  ended: boolean;
}

/** Closes streams whose iterator was dropped unread. */
const dropped = new FinalizationRegistry<Source>((source) => void left(source));

function opened(runtime: Runtime, stream: number, signal: AbortSignal | undefined): Source {
  const aborted = (): void => void left(source);
  const source = { runtime, stream, signal, aborted, ended: false };
  if (signal?.aborted) aborted();
  else signal?.addEventListener("abort", aborted, { once: true });
  return source;
}

/** Close a stream that has not ended; listen to its signal no longer. */
async function left(source: Source): Promise<void> {
  source.signal?.removeEventListener("abort", source.aborted);
  dropped.unregister(source);
  if (!source.ended) await source.runtime.close(source.stream);
}

async function* chunksOf<T>(source: Source): AsyncGenerator<T> {
  const { runtime, stream, signal } = source;
  try {
    while (!source.ended) {
      const burst = await runtime.receive(stream, signal);
      source.ended = burst.ended;
      signal?.throwIfAborted(); // what was aborted meanwhile did not end by itself
      for (const chunk of burst.chunks) {
        signal?.throwIfAborted();
        yield chunk as T;
      }
    }
  } finally {
    await left(source);
  }
}

/** The chunks of a stream, fetched a burst at a time; leaving early closes the connection. */
function chunkStream<T>(runtime: Runtime, stream: number, signal?: AbortSignal): ChunkStream<T> {
  const source = opened(runtime, stream, signal);
  const iterator = chunksOf<T>(source) as AsyncGenerator<T> & ChunkStream<T>;
  const leave = iterator.return.bind(iterator);
  // A generator that was never started would not run its `finally`.
  iterator.return = async (value) => {
    await left(source);
    return leave(value);
  };
  iterator[Symbol.asyncDispose] = async () => {
    await iterator.return(undefined);
  };
  dropped.register(iterator, source, source);
  return iterator;
}
