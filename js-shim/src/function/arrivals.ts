/**
 * Requests as the function sees them: as its client sent them, with a `signal` that fires when the
 * client leaves.
 *
 * Deno hears that itself, but not behind a body that the function has not read, nor once the answer has
 * begun. So the server says it, too.
 */

import type { ServeInfo } from "./deno.js";

/** The server's number of a request. */
const NUMBER = "x-edgelet-request";

/** On the server's word that nobody waits for the request of that number any more. */
const LEFT = "x-edgelet-left";

/** On a request that asks only whether the event loop turns. */
const ALIVE = "x-edgelet-alive";

/** What makes a request's signal fire, and the signals, since one that nobody holds would not. */
interface Waiting {
  readonly leave: () => void;
  readonly signals: readonly AbortSignal[];
}

const waiting = new Map<string, Waiting>();

/** Whether it was no request of a client's, but a word of the server's, which is heeded. */
export function heard(request: Request): boolean {
  const left = request.headers.get(LEFT);
  if (left === null) return request.headers.has(ALIVE);
  waiting.get(left)?.leave();
  waiting.delete(left);
  return true;
}

/** The request as its client sent it. Deno's URL of one over a Unix socket begins with `http+unix:`. */
export function arrived(request: Request, { completed }: ServeInfo): Request {
  const headers = new Headers(request.headers);
  const number = headers.get(NUMBER) ?? "";
  headers.delete(NUMBER);
  const scheme = headers.get("x-forwarded-proto") ?? "http";
  const url = request.url.replace(/^http\+unix:/, `${scheme}:`);
  const controller = new AbortController();
  const { method, body } = request;
  const same = new Request(url, {
    method,
    headers,
    body,
    signal: controller.signal,
    duplex: "half",
  } as RequestInit);
  const leave = (): void => controller.abort();
  request.signal.addEventListener("abort", leave, { once: true });
  waiting.set(number, { leave, signals: [request.signal, same.signal] });
  const done = (): void => void waiting.delete(number);
  completed.then(done, done);
  return same;
}
