/** Core in this thread: Python, the bridge, and the driver between them. */

import type { Bridge } from "../bridge/bridge.js";
import { EdgeletError, messageOf } from "../errors.js";
import type { ModelCard } from "../types.js";
import { BUILT_IN_MODELS } from "./built_in_models.js";
import { type Done, drive } from "./driver.js";
import type { Calls, Python } from "./python.js";
import type { Answer, Call, CallListeners, Chunks, Diagnostics, Runtime } from "./runtime.js";
import { disposedOf, Streams } from "./streams.js";
import { clock, SignalFired, waiting } from "./waiting.js";

/** What a bridge may tell about itself. */
export interface MeasuredBridge extends Bridge {
  /** How many responses are open. */
  readonly openResponses: number;
}

/** Runs core here. Python starts with the first call; a start that failed is tried again. */
export class LocalRuntime implements Runtime {
  readonly #start: () => Promise<Python>;
  readonly #makeBridge: () => MeasuredBridge;
  readonly #streams = new Streams<Promise<Python>>();
  /** What is being driven, with what ends it. */
  readonly #running = new Map<AbortController, Promise<Done>>();
  #python: Promise<Python> | undefined;
  #bridge: MeasuredBridge | undefined;

  constructor(start: () => Promise<Python>, makeBridge: () => MeasuredBridge) {
    this.#start = start;
    this.#makeBridge = makeBridge;
  }

  async call(call: Call, { signal, progress }: CallListeners = {}): Promise<Answer> {
    const now = clock();
    const python = this.#started();
    this.#foresee(call, signal);
    const { calls } = await unlessAborted(python, signal);
    if (this.#python !== python) throw disposedOf();
    const number = calls.begin(call.asked, now, progress);
    const answer = answerOf(await this.#drive(calls, number, signal));
    if (answer.kind !== "stream") return answer;
    return { ...answer, stream: this.#streams.add(python, answer.stream) };
  }

  async receive(stream: number, signal?: AbortSignal): Promise<Chunks> {
    signal?.throwIfAborted();
    const python = this.#python;
    const inner = this.#streams.find(stream, python);
    if (python === undefined || inner === undefined) throw disposedOf();
    const { calls } = await python;
    let ended = true; // so it is when this fails
    try {
      const done = await this.#drive(calls, calls.receive(inner), signal);
      ended = done[2] as boolean;
      return { chunks: JSON.parse(done[1] as string) as unknown[], ended };
    } finally {
      if (ended) this.#streams.drop(stream);
    }
  }

  async close(stream: number): Promise<void> {
    const python = this.#python;
    const inner = this.#streams.find(stream, python);
    this.#streams.drop(stream);
    if (python === undefined || inner === undefined) return;
    const { calls } = await python;
    await this.#drive(calls, calls.close(inner)).catch(() => undefined); // closed all the same
  }

  async tokenIds(model: string, text: string): Promise<Int32Array> {
    const asked = { method: "embed", model, session: {}, prompt: text, options: {} };
    await this.call({ model, precision: undefined, asked: JSON.stringify(asked) });
    const { calls } = await this.#started();
    const effect = { model, precision: null };
    const { handle, card } = await this.#bridgeInUse().openModel(effect, never());
    return calls.token_ids(handle, text, card.max_tokens);
  }

  async diagnostics(): Promise<Diagnostics> {
    const python = await this.#started();
    return {
      python_heap: python.heap(),
      live_calls: python.calls.live(),
      live_proxies: python.references(),
      open_responses: this.#bridge?.openResponses ?? 0,
    };
  }

  async dispose(): Promise<void> {
    const [python, bridge, running] = [this.#python, this.#bridge, [...this.#running]];
    this.#python = this.#bridge = undefined;
    for (const [leaving] of running) leaving.abort(disposedOf());
    await Promise.allSettled(running.map(([, driving]) => driving));
    const stopped = python?.then(
      (started) => started.dispose(),
      () => undefined, // it had not started
    );
    await Promise.all([stopped, bridge?.dispose()]);
  }

  /** Drive a call, until its end or until this runtime is disposed of. */
  async #drive(calls: Calls, call: number, signal?: AbortSignal): Promise<Done> {
    const leaving = new AbortController();
    const leave = (): void => leaving.abort(signal?.reason);
    if (signal?.aborted) leave();
    signal?.addEventListener("abort", leave, { once: true });
    const driving = drive(calls, this.#bridgeInUse(), call, leaving.signal);
    this.#running.set(leaving, driving);
    try {
      return await driving;
    } finally {
      this.#running.delete(leaving);
      signal?.removeEventListener("abort", leave);
    }
  }

  #started(): Promise<Python> {
    if (this.#python === undefined) {
      const starting = this.#start().catch((error: unknown) => {
        const message = `Python cannot be started: ${messageOf(error)}`;
        throw new EdgeletError({ name: "EdgeletError", message });
      });
      this.#python = starting;
      starting.catch(() => {
        if (this.#python === starting) this.#python = undefined;
      });
    }
    return this.#python;
  }

  #bridgeInUse(): MeasuredBridge {
    return (this.#bridge ??= this.#makeBridge());
  }

  /** Load a built-in model while Python starts; core will ask for it, and get the same one. */
  #foresee({ model, precision }: Call, signal = never()): void {
    const name = BUILT_IN_MODELS[model];
    if (name === undefined) return;
    this.#bridgeInUse().foresee({ model: name, precision: precision ?? null }, signal);
  }
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await waiting(() => work, undefined, signal);
  } catch (error) {
    throw error instanceof SignalFired ? error.reason : error;
  }
}

/** A signal that does not fire. */
function never(): AbortSignal {
  return new AbortController().signal;
}

function answerOf([kind, first, second]: Done): Answer {
  switch (kind) {
    case "embeddings": {
      const facts = JSON.parse(second as string) as {
        readonly card: ModelCard;
        readonly pooled: boolean;
        readonly token_counts: readonly number[];
        readonly truncated: readonly number[];
      };
      return { kind, values: first as Float32Array, ...facts };
    }
    case "stream":
      return { kind, stream: first as number };
    default:
      return { kind: "answer", value: JSON.parse(first as string) as unknown };
  }
}
