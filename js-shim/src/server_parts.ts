/** A runtime on a server: Python and models from a folder, native onnxruntime where installed. */

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";

import { composedBridge } from "./bridge/compose.js";
import { Http } from "./bridge/http.js";
import { serverModels } from "./bridge/server_models.js";
import { LocalRuntime, type MeasuredBridge } from "./runtime/local.js";
import { type PythonSource, startPython } from "./runtime/python.js";
import type { RuntimeOptions } from "./types.js";

/** Reads one variable of the process's environment. */
export type ReadEnvironment = (name: string) => string | undefined;

/** A runtime in this thread. `env` is where configuration comes from unless options give it. */
export function serverRuntime(options: RuntimeOptions, env: ReadEnvironment): LocalRuntime {
  const source = serverPython(options);
  return new LocalRuntime(() => startPython(source), () => serverBridge(options, env));
}

/** Python's files in the folder of assets. */
export function serverPython(options: RuntimeOptions): PythonSource {
  const assets = assetsFolder(options);
  const read = async (name: string): Promise<ArrayBuffer> => {
    const bytes = await readFile(`${assets}python/${name}`);
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  };
  return { folder: `${assets}python/`, read, snapshot: options.snapshot ?? true, unpack };
}

/** Unpack in one piece, and beside this thread: a stream takes two to four times as long. */
function unpack(packed: ArrayBuffer): Promise<Uint8Array> {
  const size = new DataView(packed).getUint32(packed.byteLength - 4, true); // gzip ends with it
  return promisify(gunzip)(packed, { chunkSize: size + 1 }); // a full piece would be followed by another
}

/** A bridge of this host; neither an engine nor a model is loaded before it is needed. */
export function serverBridge(options: RuntimeOptions, env: ReadEnvironment): MeasuredBridge {
  const given = options.env;
  return composedBridge(
    () => serverModels(options, assetsFolder(options)),
    new Http(),
    given === undefined ? env : (name) => given[name],
  );
}

function assetsFolder({ assets }: RuntimeOptions): string {
  return folder(assets ?? new URL("./assets/", import.meta.url));
}

/** A folder as a path that ends in a slash. */
function folder(place: string | URL): string {
  const url = place instanceof URL || place.startsWith("file:");
  const path = url ? fileURLToPath(place) : (place as string);
  return path.endsWith("/") ? path : `${path}/`;
}
