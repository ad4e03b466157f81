/**
 * edgelet in Deno. It needs `--allow-read` for its own folder, `--allow-net` for the inference host
 * and `--allow-env=AI_INFERENCE_API_HOST,AI_INFERENCE_API_KEY`; a variable that may not be read
 * counts as not set.
 *
 * @example
 * import { Session } from "npm:edgelet";
 * const vector = await new Session("all-MiniLM-L6-v2").run("Hello world");
 */

import type { Runtime } from "./runtime/runtime.js";
import { SharedRuntime } from "./runtime/shared.js";
import { serverRuntime } from "./server_parts.js";
import { type RuntimeSession, sessionClass } from "./session.js";
import type { RuntimeOptions } from "./types.js";

export * from "./public.js";

interface DenoEnvironment {
  readonly permissions: {
    querySync(asked: { readonly name: "env"; readonly variable: string }): {
      readonly state: string;
    };
  };
  readonly env: { get(name: string): string | undefined };
}

/** A runtime of its own, in this thread. */
export function createRuntime(options: RuntimeOptions = {}): Runtime {
  return serverRuntime(options, permitted);
}

function permitted(name: string): string | undefined {
  const { Deno } = globalThis as unknown as { readonly Deno: DenoEnvironment };
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  if (state === "denied") return undefined;
  try {
    return Deno.env.get(name); // where there is nobody to ask, Deno refuses by an error
  } catch {
    return undefined;
  }
}

const shared = new SharedRuntime(createRuntime);

/** Set the options of the runtime that sessions share. Call it before the first one runs. */
export const configure = shared.configure;

/** A model to run; see `RuntimeSession`. */
export const Session = sessionClass(shared.get);
export type Session = RuntimeSession;
