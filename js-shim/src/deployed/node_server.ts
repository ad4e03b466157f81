/** Node's HTTP server in front of a `fetch` handler: streams both ways, and hears who leaves. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import type { FetchHandler } from "./answers.js";
import { address, announce } from "./environment.js";

/** Node's own to say; a response that is passed on has those of another connection. */
const FRAMING = new Set(["connection", "keep-alive", "transfer-encoding"]);

/** Serve until the process ends. */
export function listen(handler: FetchHandler): void {
  const { port, hostname } = address();
  const server = createServer((incoming, outgoing) => {
    exchange(handler, incoming, outgoing).catch((error: unknown) => {
      if (!outgoing.destroyed) console.error(error);
      outgoing.destroy();
    });
  });
  server.listen(port, hostname, () => announce((server.address() as AddressInfo).port));
}

async function exchange(
  handler: FetchHandler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const leaving = new AbortController();
  outgoing.once("close", () => leaving.abort());
  const request = requestOf(incoming, leaving.signal);
  if (request === undefined) return void outgoing.writeHead(400).end();
  const { remoteAddress: hostname, remotePort: port } = incoming.socket;
  const remoteAddr = { transport: "tcp", hostname, port };
  await send(await handler(request, { remoteAddr }), outgoing, leaving.signal);
}

/** The request; undefined for one that the fetch standard does not know. */
function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request | undefined {
  const { method = "GET", url = "/", rawHeaders } = incoming;
  try {
    const headers = new Headers();
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
      headers.append(rawHeaders[at] as string, rawHeaders[at + 1] as string);
    }
    const place = new URL(`http://${headers.get("host") ?? "localhost"}${url}`);
    const body = method === "GET" || method === "HEAD" ? null : bodyOf(incoming);
    return new Request(place, { method, headers, body, signal, duplex: "half" } as RequestInit);
  } catch {
    return undefined;
  }
}

function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  const pieces = incoming.iterator({ destroyOnReturn: false });
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = (await pieces.next()) as IteratorResult<Uint8Array>;
        if (done) controller.close();
        else controller.enqueue(new Uint8Array(value));
      },
      cancel: () => void incoming.resume(),
    },
    { highWaterMark: 0 },
  );
}

async function send(
  response: Response,
  outgoing: ServerResponse,
  left: AbortSignal,
): Promise<void> {
  const headers = [...response.headers].filter(([name]) => !FRAMING.has(name));
  outgoing.writeHead(response.status, headers.flat());
  const reader = response.body?.getReader();
  if (reader === undefined) return void outgoing.end();
  const cancel = (): void => void reader.cancel().catch(() => undefined);
  if (left.aborted) return cancel();
  left.addEventListener("abort", cancel, { once: true });
  outgoing.flushHeaders();
  for (;;) {
    const { value, done } = await reader.read();
    if (left.aborted) return;
    if (done) break;
    if (!outgoing.write(value)) await once(outgoing, "drain", { signal: left });
  }
  left.removeEventListener("abort", cancel);
  outgoing.end();
}
