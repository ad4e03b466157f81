/** What a client is told in place of a function's answer, as Supabase's gateway does. */

/** Where a request came from, as far as the host tells. */
export interface Info {
  readonly remoteAddr?: unknown;
}

/** Answers requests, as the `fetch` of a module's default export does. */
export type FetchHandler = (request: Request, info?: Info) => Promise<Response>;

/** The function cannot be loaded. */
export function bootError(): Response {
  return failed(503, "BOOT_ERROR", "Worker failed to boot (please check logs)");
}

/** The function failed. */
export function workerError(): Response {
  return failed(500, "WORKER_ERROR", "Function exited due to an error (please check logs)");
}

function failed(status: number, code: string, message: string): Response {
  return Response.json({ code, message }, { status, headers: { "x-relay-error": "true" } });
}
