/** What a page and its worker say to each other. Everything is plain and can be cloned. */

import type { ErrorFacts } from "../errors.js";
import type { Progress, RuntimeOptions } from "../types.js";
import type { Answer, Call, Chunks, Diagnostics } from "./runtime.js";

/** The options that a worker needs; functions stay in the page. */
export type WorkerOptions = Omit<RuntimeOptions, "onProgress" | "worker" | "assets" | "models"> & {
  readonly assets: string;
  /** The page's address: relative paths of models mean the same with a worker as without. */
  readonly page: string;
  readonly models?: string;
};

/** A question of the page; `id` numbers it. `abort` concerns an earlier one. */
export type Question =
  | { readonly kind: "configure"; readonly options: WorkerOptions }
  | { readonly kind: "call"; readonly id: number; readonly call: Call; readonly progress: boolean }
  | { readonly kind: "receive" | "close"; readonly id: number; readonly stream: number }
  | { readonly kind: "diagnostics"; readonly id: number }
  | {
      readonly kind: "tokenIds";
      readonly id: number;
      readonly model: string;
      readonly text: string;
    }
  | { readonly kind: "abort"; readonly id: number };

/** What a question may be answered with. */
export type Value = Answer | Chunks | Diagnostics | Int32Array | undefined;

/** A reply of the worker: the end of a question, or news of one. */
export type Reply =
  | { readonly kind: "done"; readonly id: number; readonly value: Value }
  | { readonly kind: "failed"; readonly id: number; readonly error: ErrorFacts }
  | {
      readonly kind: "progress";
      readonly id: number;
      readonly done: number;
      readonly total: number;
    }
  | { readonly kind: "loading"; readonly progress: Progress };
