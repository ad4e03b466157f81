/** The part of Deno that a function's process uses, typed. */

/** Where a request came from. */
export interface ServeInfo {
  readonly remoteAddr: { readonly transport: "tcp"; readonly hostname: string; readonly port: number };
  readonly completed: Promise<void>;
}

export type Handler = (request: Request, info: ServeInfo) => Response | Promise<Response>;

export interface ServeOptions {
  readonly handler?: Handler;
  readonly onError?: (error: unknown) => Response | Promise<Response>;
  readonly onListen?: (address: unknown) => void;
  readonly signal?: AbortSignal;
}

export interface HttpServer {
  readonly finished: Promise<void>;
  readonly addr: unknown;
  ref(): void;
  unref(): void;
  shutdown(): Promise<void>;
}

/** `Deno`, as far as it is used. */
export interface DenoNamespace {
  readonly mainModule: string;
  readonly env: {
    toObject(): Record<string, string>;
    set(name: string, value: string): void;
    delete(name: string): void;
  };
  readonly stdin: {
    readSync(into: Uint8Array): number | null;
    readonly readable: ReadableStream<Uint8Array>;
  };
  exit(code: number): never;
  createHttpClient(options: {
    readonly proxy: { readonly transport: "unix"; readonly path: string };
  }): object;
  serve(options: { readonly path: string } & ServeOptions, handler: Handler): HttpServer;
}

export const { Deno } = globalThis as unknown as { readonly Deno: DenoNamespace };
