/**
 * A function as a service worker: it answers `functions/v1/<name>`, and all below, in the folder
 * that it lies in. Whatever else the folder's pages fetch goes to the server.
 */

import { workDone } from "../function/background.js";
import type { FetchHandler } from "./answers.js";
import { type GivenByPage, STAY } from "./messages.js";
import { KeptVariables } from "./variables.js";

interface ExtendableEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}

interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  readonly clientId: string;
  respondWith(response: Promise<Response>): void;
}

interface MessageEvent extends ExtendableEvent {
  readonly data: GivenByPage;
  readonly ports: readonly MessagePort[];
}

interface Events {
  readonly install: ExtendableEvent;
  readonly activate: ExtendableEvent;
  readonly message: MessageEvent;
  readonly fetch: FetchEvent;
}

/** The part of a service worker's scope that is used; TypeScript's library has another one. */
interface ServiceWorker {
  readonly registration: { readonly scope: string };
  readonly clients: {
    claim(): Promise<void>;
    get(id: string): Promise<{ postMessage(message: string): void } | undefined>;
  };
  skipWaiting(): Promise<void>;
  addEventListener<Kind extends keyof Events>(kind: Kind, hear: (event: Events[Kind]) => void): void;
}

/** How often the page of a long response is asked to speak, in milliseconds. */
const STAY_EVERY = 5_000;

const worker = globalThis as unknown as ServiceWorker;

/** The variables that pages have given. */
export const variables = new KeptVariables(worker.registration.scope);

/** Answer the requests of this worker's pages for the function `name`. */
export function listen(handler: FetchHandler, name: string): void {
  const place = new URL(`functions/v1/${name}`, worker.registration.scope).href;
  worker.addEventListener("install", (event) => event.waitUntil(worker.skipWaiting()));
  worker.addEventListener("activate", (event) => event.waitUntil(worker.clients.claim()));
  worker.addEventListener("message", (event) => event.waitUntil(heard(event)));
  worker.addEventListener("fetch", (event) => {
    const { request } = event;
    if (!request.url.startsWith(place)) return;
    const below = request.url.slice(place.length);
    if (!/^([/?#]|$)/.test(below)) return; // another function's, whose name begins alike
    const answering = answered(handler, request, `/${name}${below}`);
    event.respondWith(answering.then(({ response }) => response));
    event.waitUntil(staying(event.clientId, answering).then(workDone));
  });
}

async function heard({ data, ports }: MessageEvent): Promise<void> {
  if (data.env !== undefined) await variables.set(data.env);
  await worker.clients.claim();
  ports[0]?.postMessage("done");
}

/** An answer, and when its body has ended. */
interface Answer {
  readonly response: Response;
  readonly ended: Promise<void>;
}

/** The function sees the path that it sees on Supabase, which begins with its name. */
async function answered(handler: FetchHandler, request: Request, path: string): Promise<Answer> {
  const { method, headers, signal } = request;
  const body = await bodyOf(request);
  const init = { method, headers, body, signal, duplex: "half" } as RequestInit;
  return observed(await handler(new Request(new URL(path, worker.registration.scope), init)));
}

function observed(response: Response): Answer {
  if (response.body === null) return { response, ended: Promise.resolve() };
  const reader = response.body.getReader();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return {
    response: new Response(body, response),
    ended: reader.closed.catch(() => undefined), // whoever reads it hears why
  };
}

/**
 * Wait for the end of an answer. Firefox stops a worker that nobody has asked for anything for a
 * minute, in the middle of a response too, which then seems to be whole; so its page must speak.
 */
async function staying(client: string, answering: Promise<Answer>): Promise<void> {
  const ask = async (): Promise<void> => (await worker.clients.get(client))?.postMessage(STAY);
  const timer = setInterval(() => void ask(), STAY_EVERY);
  try {
    await (await answering).ended;
  } finally {
    clearInterval(timer);
  }
}

async function bodyOf(request: Request): Promise<BodyInit | null> {
  if (request.method === "GET" || request.method === "HEAD") return null;
  // Firefox has no streams in requests.
  return request.body === undefined ? request.arrayBuffer() : request.body;
}
