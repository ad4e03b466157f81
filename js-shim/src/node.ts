/**
 * edgelet in Node, and in Bun.
 *
 * @example
 * import { Session } from "edgelet/node";
 * const vector = await new Session("all-MiniLM-L6-v2").run("Hello world");
 */

import process from "node:process";

import type { Runtime } from "./runtime/runtime.js";
import { SharedRuntime } from "./runtime/shared.js";
import { serverRuntime } from "./server_parts.js";
import { type RuntimeSession, sessionClass } from "./session.js";
import type { RuntimeOptions } from "./types.js";

export * from "./public.js";

/** A runtime of its own, in this thread. */
export function createRuntime(options: RuntimeOptions = {}): Runtime {
  return serverRuntime(options, (name) => process.env[name]);
}

const shared = new SharedRuntime(createRuntime);

/** Set the options of the runtime that sessions share. Call it before the first one runs. */
export const configure = shared.configure;

/** A model to run; see `RuntimeSession`. */
export const Session = sessionClass(shared.get);
export type Session = RuntimeSession;
