/**
 * A runtime that asks the server: core runs there, on native onnxruntime, and nothing of Python or of
 * a model is loaded here. Models that only a bridge can open, those given by a URL or a path, go to
 * edgelet's own; so does everything when there is no server.
 */

import { isPlace } from "../bridge/place.js";
import { EdgeletError, type ErrorFacts } from "../errors.js";
import type {
  Answer,
  Call,
  CallListeners,
  Chunks,
  Diagnostics,
  EmbeddingsAnswer,
  Runtime,
} from "../runtime/runtime.js";
import type { Door } from "./door.js";

type Facts = Omit<EmbeddingsAnswer, "kind" | "values">;

/** One line of an answer that streams. */
interface Line extends Chunks {
  readonly failed?: ErrorFacts;
}

/** Where the answer of a language model comes from. */
interface Source {
  readonly lines: AsyncGenerator<Line>;
  readonly leave: AbortController;
}

export class ServerRuntime implements Runtime {
  readonly #door: Door;
  readonly #bridge: () => Promise<Runtime>;
  readonly #streams = new Map<number, Source | { readonly bridge: Runtime; readonly inner: number }>();
  #last = 0;

  /** `bridge` makes the runtime that answers in the server's place, once. */
  constructor(door: Door, bridge: () => Promise<Runtime>) {
    this.#door = door;
    this.#bridge = bridge;
  }

  async call(call: Call, listeners: CallListeners = {}): Promise<Answer> {
    const { signal, progress } = listeners;
    signal?.throwIfAborted();
    if (isPlace(call.model)) return this.#byBridge(call, listeners);
    const leave = new AbortController();
    const left = (): void => leave.abort(signal?.reason);
    signal?.addEventListener("abort", left, { once: true });
    try {
      const response = await this.#asked(call, leave);
      if (response === undefined) return this.#byBridge(call, listeners);
      if (typeOf(response) === "application/x-ndjson") return this.#opened(response, leave);
      const answer = await answerIn(response);
      if (answer.kind === "embeddings") {
        progress?.(answer.token_counts.length, answer.token_counts.length);
      }
      return answer;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener("abort", left);
    }
  }

  async receive(stream: number, signal?: AbortSignal): Promise<Chunks> {
    const source = this.#streams.get(stream);
    if (source === undefined) return { chunks: [], ended: true };
    if ("bridge" in source) return source.bridge.receive(source.inner, signal);
    const { lines, leave } = source;
    const left = (): void => leave.abort(signal?.reason);
    signal?.addEventListener("abort", left, { once: true });
    try {
      signal?.throwIfAborted();
      const { value: line, done } = await lines.next();
      if (done) throw lost();
      if (line.failed !== undefined) throw new EdgeletError(line.failed);
      if (line.ended) this.#streams.delete(stream);
      return line;
    } catch (error) {
      this.#streams.delete(stream);
      signal?.throwIfAborted();
      throw error instanceof EdgeletError ? error : lost();
    } finally {
      signal?.removeEventListener("abort", left);
    }
  }

  async close(stream: number): Promise<void> {
    const source = this.#streams.get(stream);
    this.#streams.delete(stream);
    if (source === undefined) return;
    if ("bridge" in source) await source.bridge.close(source.inner);
    else source.leave.abort();
  }

  async tokenIds(model: string, text: string): Promise<Int32Array> {
    return (await this.#bridge()).tokenIds(model, text);
  }

  async diagnostics(): Promise<Diagnostics> {
    const open = this.#streams.size;
    return { python_heap: 0, live_calls: open, live_proxies: 0, open_responses: open };
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.#streams.keys()].map((stream) => this.close(stream)));
  }

  /** The head of the server's answer; `undefined` where there is no server. */
  async #asked(call: Call, leave: AbortController): Promise<Response | undefined> {
    try {
      return await this.#door.ask("/call", call.asked, leave.signal);
    } catch (error) {
      if (leave.signal.aborted || !(error instanceof TypeError)) throw error;
      console.warn(`the server cannot be asked (${error.message}); the model is loaded here`);
      return undefined;
    }
  }

  async #byBridge(call: Call, listeners: CallListeners): Promise<Answer> {
    const bridge = await this.#bridge();
    const answer = await bridge.call(call, listeners);
    if (answer.kind !== "stream") return answer;
    this.#streams.set(++this.#last, { bridge, inner: answer.stream });
    return { kind: "stream", stream: this.#last };
  }

  #opened(response: Response, leave: AbortController): Answer {
    this.#streams.set(++this.#last, { lines: linesOf(response), leave });
    return { kind: "stream", stream: this.#last };
  }
}

function typeOf(response: Response): string | null {
  return response.headers.get("content-type");
}

/** An answer that does not stream. Throws what the call came to, or `ConnectionFailed`. */
async function answerIn(response: Response): Promise<Answer> {
  let bytes: ArrayBuffer;
  try {
    bytes = await response.arrayBuffer();
  } catch {
    throw lost();
  }
  if (typeOf(response) === "application/octet-stream") return embeddingsIn(bytes);
  if (!response.ok) throw lost();
  const { failed, value } = JSON.parse(new TextDecoder().decode(bytes)) as {
    readonly failed?: ErrorFacts;
    readonly value: unknown;
  };
  if (failed !== undefined) throw new EdgeletError(failed);
  return { kind: "answer", value };
}

/** The length of the facts (four bytes, little-endian), the facts as JSON, and the float32 values. */
function embeddingsIn(buffer: ArrayBuffer): EmbeddingsAnswer {
  const length = new DataView(buffer).getUint32(0, true);
  const facts = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length))) as Facts;
  return { kind: "embeddings", values: new Float32Array(buffer.slice(4 + length)), ...facts };
}

async function* linesOf(response: Response): AsyncGenerator<Line> {
  const decoder = new TextDecoder();
  let unfinished = "";
  for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
    const lines = (unfinished + decoder.decode(bytes, { stream: true })).split("\n");
    unfinished = lines.pop() as string;
    for (const line of lines) yield JSON.parse(line) as Line;
  }
}

function lost(): EdgeletError {
  const message = "the connection to the server was lost before the answer was complete";
  return new EdgeletError({ name: "ConnectionFailed", message });
}
