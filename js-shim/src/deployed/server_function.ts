/** A function in Python on a server: Python starts at once, from the files beside this one. */

import { messageOf } from "../errors.js";
import { pythonHandler, type PythonModules, startServing } from "../python_function.js";
import { startPyodide } from "../runtime/python.js";
import { serverBridge, serverPython } from "../server_parts.js";
import type { RuntimeOptions } from "../types.js";
import type { FetchHandler } from "./answers.js";

/** `env` is the function's whole environment: it sees nothing of the process's own. */
export interface PythonFunctionOptions extends RuntimeOptions {
  readonly env: Readonly<Record<string, string>>;
}

/** The `fetch` handler of a function. Its module is loaded once, and serves all requests. */
export function pythonFunction(
  modules: PythonModules,
  options: PythonFunctionOptions,
): FetchHandler {
  const source = serverPython(options);
  const starting = startServing(modules, {
    env: options.env,
    python: () => startPyodide(source),
    library: () => source.read("library.zip"),
    bridge: () => serverBridge(options, () => undefined),
  });
  starting.catch((error: unknown) => console.error(messageOf(error).trimEnd()));
  return pythonHandler(() => starting);
}
