/**
 * Starts Pyodide with core inside, from one folder of files, and nothing else: no CDN, no package
 * index, no lock file.
 */

import { loadPyodide, type PyodideConfig, type PyodideInterface } from "pyodide";
import type { PyCallable, PyProxy } from "pyodide/ffi";

/** One step of a call, its kind first; see `edgelet_pyodide.calls`. */
export type Step = readonly [kind: string, ...rest: unknown[]];

/** `edgelet_pyodide.calls.Calls`, whose methods take and give plain values. */
export interface Calls {
  begin(asked: string, now: number, progress?: (done: number, total: number) => void): number;
  receive(stream: number): number;
  close(stream: number): number;
  advance(call: number, answer?: unknown): Step;
  fail(call: number, kind: string, reason: string, at: number): Step;
  give_up(call: number): void;
  live(): number;
  token_ids(handle: number, text: string, max_tokens: number): Int32Array;
}

/** Core, started. */
export interface Python {
  readonly calls: Calls;
  /** Bytes of Python's WebAssembly memory. */
  heap(): number;
  /** JavaScript objects that Python holds, Pyodide's own included. */
  references(): number;
  /** Destroy every proxy; Python's memory goes with the last reference to this object. */
  dispose(): void;
}

/** Where Python's files come from. */
export interface PythonSource {
  /** The folder of `pyodide.asm.mjs`, `stdlib.zip` and the others: a path or URL ending in `/`. */
  readonly folder: string;
  /** The bytes of one of those files. */
  read(name: string): Promise<ArrayBuffer>;
  /** Whether to start from `snapshot.bin.gz`. */
  readonly snapshot: boolean;
  /** Unpacks that file, where the host has something faster than a stream. */
  unpack?(packed: ArrayBuffer): Promise<ArrayBuffer | Uint8Array>;
  /** What the host must change in Pyodide's configuration. */
  readonly config?: PyodideConfig;
}

/** The part of Pyodide that has no public type. */
interface Emscripten {
  readonly _module: { readonly HEAP8: Int8Array; _hiwire_num_refs(): number };
}

const CORE = "/lib/edgelet-core.zip";

/** The lock file of a Python without packages, for the pinned version of Pyodide. */
const NO_PACKAGES = {
  info: { abi_version: "2026_0", arch: "wasm32", platform: "emscripten_5_0_3", python: "3.14.2" },
  packages: {},
};

/** Start Python, for the calls of sessions. Rejects when a file cannot be had. */
export async function startPython(source: PythonSource): Promise<Python> {
  return started(await startPyodide(source));
}

/** Start Python, whatever it is for. Rejects when a file cannot be had. */
export async function startPyodide(source: PythonSource): Promise<PyodideInterface> {
  const { unpack = unpacked } = source;
  const snapshot = source.snapshot ? source.read("snapshot.bin.gz").then(unpack) : undefined;
  const core = source.read("core.zip");
  for (const early of [snapshot, core]) early?.catch(() => undefined); // awaited below
  const loading = loadPyodide({
    indexURL: source.folder,
    stdLibURL: `${source.folder}stdlib.zip`,
    packageBaseUrl: source.folder,
    lockFileContents: NO_PACKAGES as unknown as NonNullable<PyodideConfig["lockFileContents"]>,
    env: { PYTHONPATH: CORE, HOME: "/home/pyodide" },
    fsInit: async (files) => files.writeFile(CORE, new Uint8Array(await core)),
    ...(snapshot === undefined ? {} : { _loadSnapshot: snapshot }),
    ...source.config,
  } as PyodideConfig);
  // Pyodide starts without a file that could not be had, and without a word.
  const [pyodide] = await Promise.all([loading, core, snapshot]);
  if (source.snapshot) {
    const prepared = pyodide.pyimport("edgelet_pyodide.prepared");
    callOnce(prepared.restored);
    prepared.destroy();
  }
  return pyodide;
}

async function unpacked(packed: ArrayBuffer): Promise<ArrayBuffer> {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

function started(pyodide: PyodideInterface): Python {
  const module = pyodide.pyimport("edgelet_pyodide.prepared");
  const made = module.Calls;
  const instance: PyProxy = made();
  made.destroy();
  module.destroy();
  const emscripten = (pyodide as unknown as Emscripten)._module;
  const methods = new Map<string, PyCallable>();
  const calls = new Proxy({} as Calls, {
    get(_, name: string) {
      let method = methods.get(name);
      if (method === undefined) methods.set(name, (method = instance[name] as PyCallable));
      return method;
    },
  });
  return {
    calls,
    heap: () => emscripten.HEAP8.length,
    references: () => emscripten._hiwire_num_refs(),
    dispose() {
      for (const method of methods.values()) method.destroy();
      instance.destroy();
    },
  };
}

function callOnce(procedure: PyCallable): void {
  procedure();
  procedure.destroy();
}
