/**
 * A function in JavaScript as a `fetch` handler: what its module gives to `Deno.serve`, or exports
 * as `default { fetch }`. The module is loaded once, and listens nowhere itself.
 */

import { waitUntil } from "../function/background.js";
import type { Handler, ServeOptions } from "../function/deno.js";
import { bootError, type FetchHandler, type Info, workerError } from "./answers.js";

/** How long a module may take after it was loaded until it serves a handler. */
const PATIENCE_MS = 2000;

/** What a module served. */
export interface Served {
  readonly handler: Handler;
  readonly onError: ServeOptions["onError"];
}

/** The part of `Deno` that a host without one is given. */
interface DenoLike {
  serve?: unknown;
}

/** The `fetch` handler of the module that `load` imports. `deno` is where it finds `Deno.serve`. */
export function moduleFunction(load: () => Promise<unknown>, deno: DenoLike): FetchHandler {
  const loading = served(load, deno, waitUntil);
  loading.catch((error: unknown) => console.error(error));
  return moduleHandler(() => loading);
}

/** The `fetch` handler of a function that `start` starts, or has started: each time the same one. */
export function moduleHandler(start: () => Promise<Served>): FetchHandler {
  return async (request, info) => {
    let function_: Served;
    try {
      function_ = await start();
    } catch {
      return bootError(); // why, has been said
    }
    return answered(function_, request, info ?? {});
  };
}

/** Load a module, which finds `EdgeRuntime.waitUntil`. Rejects when it serves no handler. */
export async function served(
  load: () => Promise<unknown>,
  deno: DenoLike,
  keep: typeof waitUntil,
): Promise<Served> {
  Object.assign(globalThis, { EdgeRuntime: { waitUntil: keep } });
  const given = new Promise<Served>((resolve) => {
    const value = (...parts: readonly unknown[]): unknown => {
      resolve(servedBy(parts));
      return { finished: new Promise(() => undefined), ref() {}, unref() {}, async shutdown() {} };
    };
    Object.defineProperty(deno, "serve", { value, writable: true, configurable: true });
  });
  const module = (await load()) as { readonly default?: { readonly fetch?: Handler } };
  const exported = module.default;
  if (typeof exported?.fetch === "function") {
    return { handler: (request, info) => exported.fetch!(request, info), onError: undefined };
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  const missing = new Promise<never>((_, reject) => {
    const error = new Error("the function serves no handler; give one to Deno.serve, or export default { fetch }");
    timer = setTimeout(() => reject(error), PATIENCE_MS);
  });
  return Promise.race([given, missing]).finally(() => clearTimeout(timer));
}

function servedBy(parts: readonly unknown[]): Served {
  const options = (parts.find((each) => typeof each === "object") ?? {}) as ServeOptions;
  const handler = parts.find((each) => typeof each === "function") ?? options.handler;
  if (typeof handler !== "function") throw new TypeError("Deno.serve needs a handler");
  return { handler: handler as Handler, onError: options.onError };
}

async function answered(
  { handler, onError }: Served,
  request: Request,
  info: Info,
): Promise<Response> {
  try {
    const answer: unknown = await handler(request, info as never);
    if (answer instanceof Response) return answer;
    const given = answer === undefined ? "nothing" : typeof answer;
    throw new TypeError(`the handler returned ${given} instead of a Response`);
  } catch (error) {
    if (onError !== undefined) return onError(error);
    console.error(error);
    return workerError();
  }
}
