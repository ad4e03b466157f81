/**
 * A function in Python as a `fetch` handler: its modules run in Pyodide, core's `respond` calls its
 * handler, and bodies cross chunk by chunk, each when it is asked for. Whoever leaves, by the
 * request's signal or by cancelling the response's body, ends what Python does for them.
 */

import type { PyodideInterface } from "pyodide";
import type { PyProxy } from "pyodide/ffi";

import { bootError, type FetchHandler, workerError } from "./deployed/answers.js";
import type { MeasuredBridge } from "./runtime/local.js";

/** One module of a function: its file as tracebacks show it, and its source. */
export interface PythonModule {
  readonly file: string;
  readonly source: string;
  readonly package: boolean;
}

/** A function's modules by their dotted names; `main` serves. */
export type PythonModules = Readonly<Record<string, PythonModule>>;

/** What a function in Python runs on, on one host. */
export interface PythonParts {
  /** The function's whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Start Python. */
  python(): Promise<PyodideInterface>;
  /** The bytes of `library.zip`, the rest of Python's standard library. */
  library(): Promise<ArrayBuffer>;
  /** What answers core's effects. */
  bridge(): MeasuredBridge;
}

type Headed = readonly [kind: string, status: number, headers: string, whole: Uint8Array<ArrayBuffer>];
type Failed = readonly ["failed", traceback: string];
type Chunk = readonly [kind: "chunk" | "end" | "failed", bytes: Uint8Array<ArrayBuffer> & string];

/** `edgelet_pyodide.serving.Serving`, with the function loaded. */
export interface Serving {
  answer(
    number: number,
    url: string,
    method: string,
    headers: string,
    body: Body | Uint8Array | undefined,
  ): Promise<Headed | Failed>;
  read(number: number): Promise<Chunk>;
  leave(number: number): void;
}

/** A request's body as Python reads it: the next bytes, none at the end. */
interface Body {
  read(): Promise<Uint8Array | undefined>;
  cancel(): Promise<void>;
}

/** The rest of Python's standard library, beside what core itself needs. */
const LIBRARY = "/lib/python-library.zip";

/** Bodies of at most so many bytes cross whole, where the request says how long its body is. */
const SMALL_BODY = 64 * 1024;

/** A function's own module does not load: its traceback. */
export class FunctionFailure extends Error {
  override readonly name = "FunctionFailure";
}

/** Start Python and load a function. Rejects with `FunctionFailure` when its module does not load. */
export async function startServing(modules: PythonModules, parts: PythonParts): Promise<Serving> {
  const [pyodide, library] = await Promise.all([parts.python(), parts.library()]);
  pyodide.setStdout({ batched: (line) => console.log(line) });
  pyodide.setStderr({ batched: (line) => console.error(line) });
  pyodide.FS.writeFile(LIBRARY, new Uint8Array(library));
  const module = pyodide.pyimport("edgelet_pyodide.serving");
  const make = module.Serving;
  const serving = make(parts.bridge(), LIBRARY, JSON.stringify(parts.env)) as PyProxy;
  make.destroy();
  module.destroy();
  const failure = serving.load(JSON.stringify(modules)) as string | undefined;
  if (failure !== undefined) throw new FunctionFailure(failure);
  // Taken once: every access would make another proxy.
  return { answer: serving.answer, read: serving.read, leave: serving.leave };
}

/** The `fetch` handler of a function that `start` starts, or has started: each time the same one. */
export function pythonHandler(start: () => Promise<Serving>): FetchHandler {
  let last = 0;
  return async (request) => {
    let serving: Serving;
    try {
      serving = await start();
    } catch {
      return bootError(); // whoever starts it says why
    }
    const number = ++last;
    const leave = (): void => serving.leave(number);
    request.signal.addEventListener("abort", leave, { once: true });
    const ended = (): void => request.signal.removeEventListener("abort", leave);
    try {
      const response = await answered(serving, number, request, ended);
      if (request.signal.aborted) leave();
      return response;
    } catch (error) {
      leave();
      ended();
      if (!request.signal.aborted) console.error(error);
      return workerError();
    }
  };
}

async function answered(
  serving: Serving,
  number: number,
  request: Request,
  ended: () => void,
): Promise<Response> {
  const { url, method } = request;
  const headers = JSON.stringify([...request.headers]);
  const body = await bodyOf(request);
  request.signal.throwIfAborted(); // who left meanwhile wants no answer
  const answer = await serving.answer(number, url, method, headers, body);
  if (answer[0] === "failed") {
    ended();
    if (!request.signal.aborted) console.error(answer[1]);
    return workerError();
  }
  const [kind, status, given, whole] = answer as Headed;
  const init = { status, headers: JSON.parse(given) as [string, string][] };
  if (kind === "stream") {
    return new Response(streamOf(serving, number, request.signal, ended), init);
  }
  ended();
  return new Response(whole.length === 0 ? null : whole, init);
}

async function bodyOf(request: Request): Promise<Body | Uint8Array | undefined> {
  if (request.body === null) return undefined;
  const length = Number(request.headers.get("content-length") ?? Number.NaN);
  const whole = length <= SMALL_BODY || request.body === undefined; // Firefox has no stream there
  if (whole) return new Uint8Array(await request.arrayBuffer());
  const reader = request.body.getReader();
  return {
    read: async () => (await reader.read()).value,
    cancel: () => reader.cancel().catch(() => undefined),
  };
}

/** The response's body. Python makes a chunk when somebody wants it, and not ahead of them. */
function streamOf(
  serving: Serving,
  number: number,
  leaving: AbortSignal,
  ended: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = false;
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const [kind, chunk] = await serving.read(number);
        if (left) return; // what was cancelled has failed, which is no news
        if (kind === "chunk") return controller.enqueue(chunk);
        ended();
        if (kind === "end") return controller.close();
        if (!leaving.aborted) console.error(chunk as string);
        controller.error(new Error("the function failed while it answered"));
      },
      cancel() {
        left = true;
        ended();
        serving.leave(number);
      },
    },
    { highWaterMark: 0 },
  );
}
