/** A real HTTP server that serves files, and answers wrongly where a test says so. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What is served under a path. */
export type Answer =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "status"; readonly status: number }
  /** Promises all bytes, sends the first of them, and breaks the connection. */
  | { readonly kind: "cut"; readonly bytes: Uint8Array; readonly after: number }
  /** Sends the first bytes and then nothing, until the client leaves. */
  | { readonly kind: "stuck"; readonly bytes: Uint8Array; readonly after: number }
  /** Sends bytes without end. */
  | { readonly kind: "endless" };

export class HostileServer {
  readonly answers = new Map<string, Answer>();
  /** The paths asked for, in order. */
  readonly asked: string[] = [];
  /** The paths of transfers that the client broke off. */
  readonly left: string[] = [];
  readonly #server = createServer((request, response) => this.#answer(request, response));
  readonly #waiting: (() => void)[] = [];

  static async start(): Promise<HostileServer> {
    const server = new HostileServer();
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  serve(path: string, bytes: Uint8Array): void {
    this.answers.set(path, { kind: "bytes", bytes });
  }

  /** Wait until `condition` holds, looking again after everything that happens here. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #happened(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(new URL(request.url as string, this.url).pathname).slice(1);
    this.asked.push(path);
    response.on("close", () => {
      if (!response.writableFinished) this.left.push(path);
      this.#happened();
    });
    send(response, this.answers.get(path) ?? { kind: "status", status: 404 });
    this.#happened();
  }
}

function send(response: ServerResponse, answer: Answer): void {
  switch (answer.kind) {
    case "bytes":
      response.writeHead(200, { "content-length": answer.bytes.length }).end(answer.bytes);
      return;
    case "status":
      response.writeHead(answer.status).end("<html>not a model</html>");
      return;
    case "cut":
      response.writeHead(200, { "content-length": answer.bytes.length });
      response.write(answer.bytes.subarray(0, answer.after), () => response.destroy());
      return;
    case "stuck":
      response.writeHead(200, { "content-length": answer.bytes.length });
      response.write(answer.bytes.subarray(0, answer.after));
      return;
    case "endless": {
      const more = (): void => {
        while (!response.destroyed && response.write(new Uint8Array(65_536)));
      };
      response.on("drain", more);
      response.writeHead(200);
      more();
    }
  }
}
