/** Core in this thread: Python, the bridge, and the driver between them. */

import type { Bridge } from "../bridge/bridge.js";
import { EdgeletError, messageOf } from "../errors.js";
import type { ModelCard } from "../types.js";
import { BUILT_IN_MODELS } from "./built_in_models.js";
import { type Done, drive } from "./driver.js";
import type { Python } from "./python.js";
import type { Answer, Call, CallListeners, Chunks, Diagnostics, Runtime } from "./runtime.js";
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
    const number = calls.begin(call.asked, now, progress);
    return answerOf(await drive(calls, this.#bridgeInUse(), number, signal));
  }

  async receive(stream: number, signal?: AbortSignal): Promise<Chunks> {
    const { calls } = await this.#started();
    const [, chunks, ended] = await drive(
      calls,
      this.#bridgeInUse(),
      calls.receive(stream),
      signal,
    );
    return { chunks: JSON.parse(chunks as string) as unknown[], ended: ended as boolean };
  }

  async close(stream: number): Promise<void> {
    if (this.#python === undefined) return;
    const { calls } = await this.#python;
    await drive(calls, this.#bridgeInUse(), calls.close(stream));
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
    const [python, bridge] = [this.#python, this.#bridge];
    this.#python = this.#bridge = undefined;
    await Promise.all([python?.then((started) => started.dispose()), bridge?.dispose()]);
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
