/**
 * Starts Python in Cloudflare's workerd, which compiles no code at run time and has no files: every
 * part of Python is a module of the Worker, and is handed to Pyodide here. Supabase's edge runtime,
 * which imports nothing that was not bundled, starts it so too.
 *
 * Pyodide has options for some of that. For the rest it looks at globals, which are changed while
 * it starts and put back afterwards; other requests run meanwhile, so no change may harm them.
 */

import type { PyodideConfig, PyodideInterface } from "pyodide";

import type { Python, PythonSource } from "./python.js";

/** The parts of Python, as modules of the Worker. */
export interface PythonModules {
  /** The function that `pyodide.asm.mjs` exports by default. */
  readonly asm: (settings: never) => Promise<unknown>;
  /** `pyodide.asm.wasm`. */
  readonly pythonWasm: WebAssembly.Module;
  /** The bytes of `stdlib.zip`. */
  readonly stdlib: ArrayBuffer;
  /** The bytes of `core.zip`. */
  readonly core: ArrayBuffer;
  /** The bytes of `snapshot.bin.gz`; with them Python starts sooner. */
  readonly snapshot?: ArrayBuffer;
}

let starts = 0;

/** Start Python, for the calls of sessions. Rejects when the modules do not belong together. */
export function startInWorkerd(modules: PythonModules): Promise<Python> {
  return inDisguise(modules, ({ startPython }, source) => startPython(source));
}

/** Start Python, whatever it is for. Rejects when the modules do not belong together. */
export function startPyodideInWorkerd(modules: PythonModules): Promise<PyodideInterface> {
  return inDisguise(modules, ({ startPyodide }, source) => startPyodide(source));
}

function inDisguise<T>(
  modules: PythonModules,
  start: (python: typeof import("./python.js"), source: PythonSource) => Promise<T>,
): Promise<T> {
  starts += 1;
  const folder = `https://python.invalid/${starts}/`;
  const { asm, pythonWasm, stdlib, core, snapshot } = modules;
  const fetched = new Map([
    [`${folder}stdlib.zip`, stdlib],
    [`${folder}pyodide.asm.wasm`, NOTHING],
  ]);
  const read = async (name: string): Promise<ArrayBuffer> =>
    name === "core.zip" ? core : (snapshot ?? NOTHING);
  return disguised(fetched, async () => {
    // Pyodide looks for Node when it is loaded, so it must be loaded in disguise too.
    const python = await import("./python.js");
    const createPyodideModule = instantiating(asm, pythonWasm);
    const config = { createPyodideModule } as PyodideConfig;
    return start(python, { folder, read, snapshot: snapshot !== undefined, config });
  });
}

/** What Pyodide fetches before it hears that its WebAssembly is there already. */
const NOTHING = new ArrayBuffer(0);

/** The settings of Emscripten that Pyodide makes. */
interface Settings {
  instantiateWasm?: (
    imports: WebAssembly.Imports,
    done: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
  ) => object;
}

/** `asm`, made to use the module that is compiled instead of one that it would have to compile. */
function instantiating(
  asm: PythonModules["asm"],
  module: WebAssembly.Module,
): (settings: Settings) => Promise<unknown> {
  return (settings) => {
    settings.instantiateWasm = (imports, done) => {
      // Pyodide would compile these two; where it cannot, it does the same as here.
      const failure = Symbol("the error that Python sees in JavaScript's place");
      Object.assign(imports["env"] as object, {
        Jsv_GetError_import: () => failure,
        JsvError_Check: (value: unknown) => value === failure,
      });
      done(new WebAssembly.Instance(module, imports), module);
      return {};
    };
    return asm(settings as never);
  };
}

/** How workerd calls itself. */
const WORKERD = "Cloudflare-Workers";

/** What all starts of the present moment fetch, by URL. */
const files = new Map<string, ArrayBuffer>();
let putBack: (() => void) | undefined;

/**
 * Do `work` where a program finds what it would find in a browser, `fetched` at those URLs
 * included. Starts that overlap share the disguise; the last one takes it off.
 */
async function disguised<T>(
  fetched: ReadonlyMap<string, ArrayBuffer>,
  work: () => Promise<T>,
): Promise<T> {
  for (const [url, bytes] of fetched) files.set(url, bytes);
  putBack ??= disguise();
  try {
    return await work();
  } finally {
    for (const url of fetched.keys()) files.delete(url);
    if (files.size === 0) {
      putBack();
      putBack = undefined;
    }
  }
}

/** Put the disguise on; gives the function that takes it off. */
function disguise(): () => void {
  const { fetch, process, setImmediate } = globalThis;
  const changes = [
    // Pyodide resolves its URLs against the page's, which a Worker has none of.
    changed(globalThis, "location", new URL("https://python.invalid/")),
    // It fetches the standard library, for which it has no option but a URL.
    changed(globalThis, "fetch", (input: Request | URL | string, init?: RequestInit) => {
      const file = files.get(String(input));
      return file === undefined ? fetch(input, init) : Promise.resolve(new Response(file));
    }),
  ];
  if (process !== undefined) {
    // It takes a process for Node, where it would look for files; these two mean a bundled page.
    changes.push(changed(process, "browser", true), changed(process, "type", "renderer"));
  }
  if (globalThis.navigator?.userAgent !== WORKERD) {
    // It knows this runtime alone as one that is neither a page nor a process.
    changes.push(changed(globalThis, "navigator", { userAgent: WORKERD }));
    // Emscripten looks for a window or for this, and takes whatever has neither for a shell.
    changes.push(changed(globalThis, "WorkerGlobalScope", class {}));
  }
  if (setImmediate === undefined) {
    // Without this function it listens for messages, in a way that workerd refuses.
    changes.push(changed(globalThis, "setImmediate", (run: () => void) => setTimeout(run, 0)));
  }
  return () => {
    for (const undo of changes) undo();
  };
}

/** Change a property of an object; gives the function that puts it back. */
function changed(object: object, name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(object, name);
  Object.defineProperty(object, name, { value, configurable: true, writable: true });
  return () => {
    if (before === undefined) Reflect.deleteProperty(object, name);
    else Object.defineProperty(object, name, before);
  };
}
