/**
 * What a function's process in Deno loads before the function: the place of `Deno.serve`,
 * `Supabase.ai.Session` and `EdgeRuntime`, for functions exactly as they are written for Supabase.
 *
 * The function listens where the server says, whatever port it asks for.
 */

import { Deno, type Handler, type HttpServer, type ServeOptions } from "./function/deno.js";
import { waitUntil, workDone } from "./function/background.js";
import { doorOf } from "./function/door.js";
import { called } from "./function/handler.js";
import { ServerRuntime } from "./function/server_runtime.js";
import { dismissed, readTerms, takeEnvironment } from "./function/terms.js";
import type { Runtime } from "./runtime/runtime.js";
import { sessionClass } from "./session.js";
import { provideSupabase } from "./supabase_global.js";

/** How long a module may take after it was loaded until it serves a handler. */
const PATIENCE_MS = 2000;

/** How long what has begun may take when this process is wanted no more: as long as on Supabase. */
const LAST_MS = 400_000;

const terms = readTerms();
takeEnvironment(terms);
const door = doorOf(terms);
const listen = Deno.serve.bind(Deno);
let serving: HttpServer | undefined;

function serve(...given: readonly unknown[]): HttpServer {
  const options = (given.find((each) => typeof each === "object") ?? {}) as ServeOptions;
  const handler = given.find((each) => typeof each === "function") ?? options.handler;
  if (typeof handler !== "function") throw new TypeError("Deno.serve needs a handler");
  if (serving !== undefined) throw new TypeError("a function serves one handler; it serves two");
  const onListen = (): void => {
    options.onListen?.({ transport: "tcp", hostname: "0.0.0.0", port: 8000 });
    void door.ask("/ready", "{}");
  };
  const { signal } = options;
  hearDismissal();
  serving = listen(
    { path: terms.socket, onListen, ...(signal === undefined ? {} : { signal }) },
    called(handler as Handler, options),
  );
  return serving;
}

let made: Promise<Runtime> | undefined;

/** The bridge, loaded when it is needed. */
function bridge(): Promise<Runtime> {
  return (made ??= import(terms.bridge).then((module) => module.createRuntime() as Runtime));
}

const runtime = new ServerRuntime(door, bridge);
provideSupabase(sessionClass(() => runtime));
Object.defineProperty(Deno, "serve", { value: serve, writable: true, configurable: true });
Object.assign(globalThis, { EdgeRuntime: { waitUntil } });

addEventListener("load", () => {
  hearDismissal();
  void loaded();
});

/** The module has run: it may give its handler as its default export. */
async function loaded(): Promise<void> {
  const module = (await import(Deno.mainModule)) as { readonly default?: unknown };
  const exported = module.default as { readonly fetch?: unknown } | undefined;
  if (serving === undefined && typeof exported?.fetch === "function") {
    serve((request: Request, info: unknown) => (exported as { fetch: Handler }).fetch(request, info as never));
  }
  setTimeout(() => {
    if (serving !== undefined) return;
    console.error("the function serves no handler; give one to Deno.serve, or export default { fetch }");
    Deno.exit(1);
  }, PATIENCE_MS);
}

let hears = false;

/** End in order when told to. Not before the function runs: Deno does nothing while a preload waits. */
function hearDismissal(): void {
  if (!hears) void dismissed().then(finish);
  hears = true;
}

/** Let requests and background work end, then end the process. */
async function finish(): Promise<void> {
  setTimeout(() => Deno.exit(0), LAST_MS);
  dispatchEvent(new CustomEvent("beforeunload", { detail: "termination" }));
  await serving?.shutdown();
  await workDone();
  Deno.exit(0);
}
