/** A runtime on a server: Python and models from a folder, native onnxruntime where installed. */

import { fileURLToPath } from "node:url";
import { readFile } from "node:fs/promises";

import { composedBridge } from "./bridge/compose.js";
import { Http } from "./bridge/http.js";
import { serverModels } from "./bridge/server_models.js";
import { LocalRuntime } from "./runtime/local.js";
import { startPython } from "./runtime/python.js";
import type { RuntimeOptions } from "./types.js";

/** Reads one variable of the process's environment. */
export type ReadEnvironment = (name: string) => string | undefined;

/** A runtime in this thread. `env` is where configuration comes from unless options give it. */
export function serverRuntime(options: RuntimeOptions, env: ReadEnvironment): LocalRuntime {
  const assets = folder(options.assets ?? new URL("./assets/", import.meta.url));
  const read = async (name: string): Promise<ArrayBuffer> => {
    const bytes = await readFile(`${assets}python/${name}`);
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  };
  const given = options.env;
  return new LocalRuntime(
    () => startPython({ folder: `${assets}python/`, read, snapshot: options.snapshot ?? true }),
    () =>
      composedBridge(
        () => serverModels(options, assets),
        new Http(),
        given === undefined ? env : (name) => given[name],
      ),
  );
}

/** A folder as a path that ends in a slash. */
function folder(place: string | URL): string {
  const url = place instanceof URL || place.startsWith("file:");
  const path = url ? fileURLToPath(place) : (place as string);
  return path.endsWith("/") ? path : `${path}/`;
}
