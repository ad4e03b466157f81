/** Requests to the server that runs this process, over its Unix socket. */

import { Deno } from "./deno.js";
import type { Terms } from "./terms.js";

/** Names no host: the socket leads where it leads. */
const ORIGIN = "http://edgelet.invalid";

export interface Door {
  /** POST to the server. Rejects with `TypeError` when there is no server. */
  ask(path: string, body: string, signal?: AbortSignal): Promise<Response>;
}

/** `fetch` is taken before the function can replace it. */
export function doorOf({ door }: Terms): Door {
  const { fetch } = globalThis;
  const client = Deno.createHttpClient({ proxy: { transport: "unix", path: door.socket } });
  const headers = { authorization: `Bearer ${door.token}`, "content-type": "application/json" };
  return {
    ask: (path, body, signal) =>
      fetch(`${ORIGIN}${path}`, {
        method: "POST",
        headers,
        body,
        client,
        ...(signal === undefined ? {} : { signal }),
      } as RequestInit),
  };
}
