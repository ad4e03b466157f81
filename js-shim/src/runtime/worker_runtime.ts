/** Core in a Web Worker, as the page sees it: the page's own thread only sends and hears. */

import { EdgeletError, messageOf } from "../errors.js";
import type { Progress } from "../types.js";
import type { Question, Reply, Value, WorkerOptions } from "./messages.js";
import type { Answer, Call, CallListeners, Chunks, Diagnostics, Runtime } from "./runtime.js";
import { disposedOf, Streams } from "./streams.js";

interface Waiting {
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
  readonly progress: ((done: number, total: number) => void) | undefined;
}

/** A question before it has its number. */
type Unnumbered = Question extends infer Each
  ? Each extends { readonly id: number }
    ? Omit<Each, "id">
    : never
  : never;

/** Runs core in a worker, which starts with the first call. */
export class WorkerRuntime implements Runtime {
  readonly #makeWorker: () => Worker;
  readonly #options: WorkerOptions;
  readonly #onProgress: ((progress: Progress) => void) | undefined;
  readonly #waiting = new Map<number, Waiting>();
  readonly #streams = new Streams<Worker>();
  #worker: Worker | undefined;
  #last = 0;

  constructor(
    makeWorker: () => Worker,
    options: WorkerOptions,
    onProgress?: (progress: Progress) => void,
  ) {
    this.#makeWorker = makeWorker;
    this.#options = options;
    this.#onProgress = onProgress;
  }

  async call(call: Call, { signal, progress }: CallListeners = {}): Promise<Answer> {
    const question = { kind: "call", call, progress: progress !== undefined } as const;
    signal?.throwIfAborted();
    const worker = this.#started();
    const answer = (await this.#ask(question, signal, progress)) as Answer;
    if (answer.kind !== "stream") return answer;
    return { ...answer, stream: this.#streams.add(worker, answer.stream) };
  }

  async receive(stream: number, signal?: AbortSignal): Promise<Chunks> {
    signal?.throwIfAborted();
    const inner = this.#streams.find(stream, this.#worker);
    if (inner === undefined) throw disposedOf();
    let ended = true; // so it is when this fails
    try {
      const chunks = (await this.#ask({ kind: "receive", stream: inner }, signal)) as Chunks;
      ended = chunks.ended;
      return chunks;
    } finally {
      if (ended) this.#streams.drop(stream);
    }
  }

  async close(stream: number): Promise<void> {
    const inner = this.#streams.find(stream, this.#worker);
    this.#streams.drop(stream);
    if (inner !== undefined) await this.#closed(inner);
  }

  tokenIds(model: string, text: string): Promise<Int32Array> {
    return this.#ask({ kind: "tokenIds", model, text }) as Promise<Int32Array>;
  }

  diagnostics(): Promise<Diagnostics> {
    return this.#ask({ kind: "diagnostics" }) as Promise<Diagnostics>;
  }

  async dispose(): Promise<void> {
    this.#end(disposedOf());
  }

  /** Close a stream of the worker's; with the worker it is closed as well. */
  async #closed(inner: number): Promise<void> {
    await this.#ask({ kind: "close", stream: inner }).catch(() => undefined);
  }

  #ask(
    question: Unnumbered,
    signal?: AbortSignal,
    progress?: (done: number, total: number) => void,
  ): Promise<Value> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const id = ++this.#last;
      const worker = this.#started();
      worker.postMessage({ ...question, id } as Question);
      const abort = (): void => {
        worker.postMessage({ kind: "abort", id } satisfies Question);
        this.#waiting.delete(id);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
      const settled = <T>(settle: (value: T) => void) => (value: T): void => {
        signal?.removeEventListener("abort", abort);
        settle(value);
      };
      this.#waiting.set(id, { resolve: settled(resolve), reject: settled(reject), progress });
    });
  }

  #started(): Worker {
    if (this.#worker === undefined) {
      const worker = this.#makeWorker();
      worker.onmessage = ({ data }: MessageEvent<Reply>) => this.#hear(data);
      worker.onerror = (event) => {
        event.preventDefault();
        const message = `the worker failed: ${event.message || "its script cannot be loaded"}`;
        this.#end(new EdgeletError({ name: "EdgeletError", message }));
      };
      try {
        worker.postMessage({ kind: "configure", options: this.#options } satisfies Question);
      } catch (error) {
        worker.terminate();
        throw error;
      }
      this.#worker = worker;
    }
    return this.#worker;
  }

  #hear(reply: Reply): void {
    if (reply.kind === "loading") {
      this.#onProgress?.(reply.progress);
      return;
    }
    const waiting = this.#waiting.get(reply.id);
    if (reply.kind === "progress") {
      waiting?.progress?.(reply.done, reply.total);
      return;
    }
    this.#waiting.delete(reply.id);
    if (reply.kind === "failed") waiting?.reject(new EdgeletError(reply.error));
    else if (waiting !== undefined) waiting.resolve(reply.value);
    else if (isStream(reply.value)) void this.#closed(reply.value.stream); // the caller had left
  }

  #end(error: EdgeletError): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

function isStream(value: Value): value is Extract<Answer, { kind: "stream" }> {
  return value !== undefined && "kind" in value && value.kind === "stream";
}

/**
 * A module worker from any origin: a browser starts only scripts of the page's own origin as a
 * worker, but those may import from another one.
 */
export function moduleWorker(url: URL): Worker {
  if (url.origin === globalThis.origin) return new Worker(url, { type: "module" });
  const source = `import ${JSON.stringify(url.href)};`;
  const script = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    return new Worker(script, { type: "module" });
  } catch (error) {
    throw new EdgeletError({
      name: "EdgeletError",
      message: `no worker can be started from ${url.href}: ${messageOf(error)}`,
    });
  } finally {
    setTimeout(() => URL.revokeObjectURL(script), 60_000);
  }
}
