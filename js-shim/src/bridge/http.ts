/** Requests to inference hosts through `fetch`: bytes out, all bytes that are ready in. */

import { messageOf } from "../errors.js";
import { type HttpRequest, type ResponseHead, TransportFailure } from "./bridge.js";

/** Says why `fetch` could not reach `url`, as far as this host can tell. */
export type Explain = (error: unknown, url: string) => Promise<string>;

/** Bytes that may wait to be received; the server is held back beyond them. */
const MOST_WAITING = 4 * 1024 * 1024;

/** The open responses of one bridge. */
export class Http {
  readonly #responses = new Map<number, OpenResponse>();
  readonly #explain: Explain;
  #last = 0;

  /** `explain` replaces the network's own words with better ones. */
  constructor(explain: Explain = async (error) => reasonOf(error)) {
    this.#explain = explain;
  }

  /** How many responses are open. */
  get open(): number {
    return this.#responses.size;
  }

  /** Answer `Send`. Aborting `signal` closes the connection. Redirects are not followed. */
  async send(request: HttpRequest, signal: AbortSignal): Promise<ResponseHead> {
    const controller = new AbortController();
    const leave = (): void => controller.abort();
    signal.addEventListener("abort", leave, { once: true });
    try {
      const response = await fetch(request.url, {
        method: request.method,
        headers: request.headers,
        body: request.body.length === 0 ? null : request.body, // GET and HEAD may have none
        signal: controller.signal,
        redirect: "manual",
        credentials: "omit",
        cache: "no-store",
      });
      if (response.type === "opaqueredirect") {
        throw new TransportFailure("exchange", "it redirects, which is not followed");
      }
      const handle = ++this.#last;
      this.#responses.set(handle, new OpenResponse(response, controller));
      return { response: handle, status: response.status, headers: headersOf(response) };
    } catch (error) {
      controller.abort();
      if (error instanceof TransportFailure || signal.aborted) throw error;
      const phase = LOST.test(reasonOf(error)) ? "exchange" : "connect";
      throw new TransportFailure(phase, await this.#explain(error, request.url));
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }

  /** Answer `Receive`: everything that has arrived, at least one byte; nothing at the end. */
  async receive(response: number): Promise<Uint8Array> {
    const open = this.#responses.get(response);
    return open === undefined ? new Uint8Array() : open.receive();
  }

  /** Answer `Close`. */
  close(response: number): void {
    this.#responses.get(response)?.close();
    this.#responses.delete(response);
  }

  /** Close everything. */
  dispose(): void {
    for (const response of [...this.#responses.keys()]) this.close(response);
  }
}

/** What hosts say when a connection that was there went away. */
const LOST = /reset|other side closed|closed unexpectedly|connection closed|terminated|broken pipe/i;

/** The headers, true of the body as it is received: `fetch` has decoded it. */
function headersOf(response: Response): Record<string, string> {
  const headers = Object.fromEntries(response.headers);
  if ("content-encoding" in headers) {
    delete headers["content-encoding"];
    delete headers["content-length"];
  }
  return headers;
}

/** The network's own words, wherever this host puts them. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof AggregateError && cause.errors.length > 0) {
    return messageOf(cause.errors[0]);
  }
  return messageOf(cause instanceof Error && cause.message !== "" ? cause : error);
}

/** A response whose body is read ahead, so that one `receive` takes all that is there. */
class OpenResponse {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #controller: AbortController;
  #chunks: Uint8Array[] = [];
  #waiting = 0;
  #ended = false;
  #failure: TransportFailure | undefined;
  #pumping = false;
  #wake: (() => void) | undefined;

  constructor(response: Response, controller: AbortController) {
    this.#reader = response.body?.getReader();
    this.#controller = controller;
  }

  async receive(): Promise<Uint8Array> {
    if (!this.#pumping) void this.#pump();
    if (this.#chunks.length === 0 && !this.#ended) {
      await new Promise<void>((wake) => (this.#wake = wake));
    }
    await this.#settled();
    if (this.#chunks.length === 0 && this.#failure !== undefined) throw this.#failure;
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#waiting = 0;
    return joined(chunks);
  }

  close(): void {
    this.#ended = true;
    this.#wake?.();
    this.#controller.abort();
    // Deno keeps the connection of a body that was aborted while nothing was being read from it.
    this.#reader?.cancel().catch(() => undefined);
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      while (!this.#ended && this.#waiting < MOST_WAITING) {
        const read = await this.#reader?.read();
        if (read === undefined || read.done) {
          this.#ended = true;
        } else if (read.value.length > 0) {
          this.#chunks.push(read.value);
          this.#waiting += read.value.length;
        }
        if (this.#ended || this.#chunks.length > 0) this.#wake?.();
      }
    } catch (error) {
      this.#failure = new TransportFailure("exchange", reasonOf(error));
      this.#ended = true;
      this.#wake?.();
    }
    this.#pumping = false;
  }

  /** A read that is ready takes a few microtasks: let the pump take what is there. */
  async #settled(): Promise<void> {
    for (let seen = -1; seen < this.#chunks.length && this.#waiting < MOST_WAITING; ) {
      seen = this.#chunks.length;
      for (let tick = 0; tick < 5; tick++) await undefined;
    }
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0] as Uint8Array;
  const whole = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
