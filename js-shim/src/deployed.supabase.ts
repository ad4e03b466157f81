/**
 * What a function in Python that was deployed to Supabase runs on: its edge runtime, which imports
 * only what was bundled, and reads files that its configuration names (`static_files`).
 */

import { composedBridge } from "./bridge/compose.js";
import { Http } from "./bridge/http.js";
import type { FetchHandler } from "./deployed/answers.js";
import { SupabaseModels } from "./deployed/supabase_models.js";
import { messageOf } from "./errors.js";
import { pythonHandler, type PythonModules, startServing } from "./python_function.js";
import { type PythonModules as PythonParts, startPyodideInWorkerd } from "./runtime/workerd.js";

/** What is given to `pythonFunction` beside the function's modules. */
export interface SupabaseFunctionOptions {
  /** The function that `pyodide.asm.mjs` exports by default. */
  readonly asm: PythonParts["asm"];
  /** The names of the variables that the function sees. */
  readonly env: readonly string[];
}

interface DenoNamespace {
  readonly env: { get(name: string): string | undefined };
  readFile(place: URL): Promise<Uint8Array<ArrayBuffer>>;
}

const { Deno } = globalThis as unknown as { readonly Deno: DenoNamespace };

/** The `fetch` handler of a function. Its module is loaded once, and serves all requests. */
export function pythonFunction(
  modules: PythonModules,
  { asm, env }: SupabaseFunctionOptions,
): FetchHandler {
  const starting = startServing(modules, {
    env: environment(env),
    python: async () => startPyodideInWorkerd(await partsOf(asm)),
    library: () => read("python/library.zip"),
    bridge: () => {
      const models = (): SupabaseModels => new SupabaseModels(() => read("tokenizer.json"));
      return composedBridge(models, new Http(), () => undefined);
    },
  });
  starting.catch((error: unknown) => console.error(messageOf(error).trimEnd()));
  return pythonHandler(() => starting);
}

async function partsOf(asm: PythonParts["asm"]): Promise<PythonParts> {
  const [wasm, stdlib, core, snapshot] = await Promise.all([
    read("python/pyodide.asm.wasm"),
    read("python/stdlib.zip"),
    read("python/core.zip"),
    read("python/snapshot.bin.gz"),
  ]);
  return { asm, pythonWasm: await WebAssembly.compile(wasm), stdlib, core, snapshot };
}

async function read(name: string): Promise<ArrayBuffer> {
  const bytes = await Deno.readFile(new URL(`./assets/${name}`, import.meta.url));
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

function environment(names: readonly string[]): Record<string, string> {
  const given = names.map((name) => [name, Deno.env.get(name)] as const);
  return Object.fromEntries(given.filter((each): each is [string, string] => each[1] !== undefined));
}
