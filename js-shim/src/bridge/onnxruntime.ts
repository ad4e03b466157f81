/**
 * What all of onnxruntime's packages for JavaScript have in common: sessions, and how one of them
 * answers batches.
 */

import type { InferenceSession, Tensor } from "onnxruntime-web";

import { padded, sizeOfOutput } from "./batch.js";
import { ModelFailure } from "./bridge.js";
import { FILES } from "./card.js";
import type { Artefact, Batch, Network } from "./engine.js";
import { reasonOf } from "./files.js";
import { Turns } from "./shared_work.js";

/** The part of those packages that is used here. */
export interface Onnxruntime {
  readonly InferenceSession: {
    create(
      graph: Uint8Array,
      options: InferenceSession.SessionOptions,
    ): Promise<InferenceSession>;
  };
  readonly Tensor: new (type: "int32", data: Int32Array, dims: readonly number[]) => Tensor;
}

/** What matters is thrown; nothing is printed. */
export const FATAL_ONLY = 4;

/** What was written with fused operators stays bit for bit what it is, and opens sooner. */
export function optimization({ card }: Artefact): "disabled" | "all" {
  return card.fused ? "disabled" : "all";
}

/** Open an artefact. Throws `ModelFailure` when onnxruntime refuses it. */
export async function openNetwork(
  onnxruntime: Onnxruntime,
  artefact: Artefact,
  options: InferenceSession.SessionOptions,
  turns: Turns,
): Promise<Network> {
  try {
    const session = await onnxruntime.InferenceSession.create(artefact.graph, {
      externalData: [{ path: FILES.weights, data: artefact.weights }],
      logSeverityLevel: FATAL_ONLY,
      ...options,
    });
    return new SessionNetwork(onnxruntime, session, artefact, turns);
  } catch (error) {
    throw refused(artefact.where, "cannot be opened", error);
  }
}

/**
 * A model in one session, whose batches are run one after another: a run holds the thread until its
 * end, so that a second one could only wait.
 */
class SessionNetwork implements Network {
  readonly #onnxruntime: Onnxruntime;
  readonly #session: InferenceSession;
  readonly #turns: Turns;
  readonly #where: string;
  readonly #dimensions: number;

  constructor(
    onnxruntime: Onnxruntime,
    session: InferenceSession,
    { where, card }: Artefact,
    turns: Turns,
  ) {
    this.#onnxruntime = onnxruntime;
    this.#session = session;
    this.#turns = turns;
    this.#where = where;
    this.#dimensions = card.facts.dimensions;
  }

  run(batch: Batch, signal: AbortSignal): Promise<Float32Array> {
    return this.#turns.take(async () => {
      const values = await this.#run(batch);
      // Runs follow each other without ever letting the event loop go, which must hear of aborts.
      if (!batch.alone) await eventLoop();
      return values;
    }, signal);
  }

  dispose(): Promise<void> {
    return this.#turns.take(() => this.#session.release());
  }

  async #run(batch: Batch): Promise<Float32Array> {
    const rows = padded(batch);
    const { Tensor } = this.#onnxruntime;
    const { output } = batch;
    let values: unknown;
    try {
      const inputs = {
        token_ids: new Tensor("int32", rows.tokenIds, [rows.texts, rows.longest]),
        lengths: new Tensor("int32", batch.lengths, [rows.texts]),
      };
      const answer = await this.#session.run(inputs, [output], { logSeverityLevel: FATAL_ONLY });
      values = answer[output]?.data;
    } catch (error) {
      throw refused(this.#where, "cannot run a batch", error);
    }
    const size = sizeOfOutput(batch, rows, this.#dimensions);
    if (!(values instanceof Float32Array) || values.length !== size) {
      throw new ModelFailure(
        `the model in ${this.#where} gives other outputs than its card promises; export it again`,
      );
    }
    return values;
  }
}

/** Let everything that waits in the event loop happen. */
function eventLoop(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") {
      setImmediate(resolve);
      return;
    }
    // Timers wait for milliseconds, messages do not.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

function refused(where: string, what: string, error: unknown): ModelFailure {
  return new ModelFailure(`the model in ${where} ${what}: ${reasonOf(error)}`);
}
