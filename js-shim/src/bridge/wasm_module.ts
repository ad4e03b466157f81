/**
 * Hands onnxruntime-web a WebAssembly module that is compiled already.
 *
 * It has no option for that, and left to itself it would fetch the module in a way that cannot be
 * tried again after a failure; and where a host forbids compiling, as Cloudflare's does, it could
 * not start at all.
 */

import { ModelFailure } from "./bridge.js";
import { reasonOf } from "./files.js";

interface Replaceable {
  instantiate: (
    source: BufferSource | WebAssembly.Module,
    imports?: WebAssembly.Imports,
  ) => Promise<unknown>;
}

/**
 * Do `work`, in which whoever instantiates the bytes `standIn` gets an instance of `module`. All
 * others, such as Python starting meanwhile, get what they ask for.
 */
export async function withModule<T>(
  module: WebAssembly.Module,
  standIn: ArrayBuffer,
  work: () => Promise<T>,
): Promise<T> {
  const platform = WebAssembly as unknown as Replaceable;
  const { instantiate } = platform;
  platform.instantiate = async (source, imports) => {
    const bytes = ArrayBuffer.isView(source) ? source.buffer : source;
    if (bytes !== standIn) return instantiate(source, imports);
    return { module, instance: await instantiate(module, imports) };
  };
  try {
    return await work();
  } finally {
    platform.instantiate = instantiate;
  }
}

/** Fetch a module and compile it while it comes. */
export async function fetchModule(url: string): Promise<WebAssembly.Module> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw new ModelFailure(`${url} cannot be fetched: ${reasonOf(error)}; try it again`);
  }
  if (!response.ok) {
    throw new ModelFailure(
      `${url} cannot be fetched: the server answers ${response.status}; ` +
        `serve the package's folder dist/assets whole`,
    );
  }
  try {
    // Only with its right type may a module be compiled while it comes.
    return response.headers.get("content-type")?.startsWith("application/wasm")
      ? await WebAssembly.compileStreaming(response)
      : await WebAssembly.compile(await response.arrayBuffer());
  } catch (error) {
    throw new ModelFailure(`${url} cannot be compiled: ${reasonOf(error)}; try it again`);
  }
}
