/**
 * Calls a function's handler, whatever it does. A failure is printed with its stack, which belongs to
 * whoever runs the function, and told to the server by a header, which makes an answer of it.
 */

import { arrived, heard } from "./arrivals.js";
import type { Handler, ServeInfo, ServeOptions } from "./deno.js";

/** On the answer of a handler that failed. */
export const FAILED = "x-edgelet-failed";

/** The handler as the server calls it. */
export function called(handler: Handler, { onError }: ServeOptions): Handler {
  return async (request, info) => {
    if (heard(request)) return new Response(null, { status: 204 });
    try {
      const remoteAddr = clientOf(request);
      return checked(await handler(arrived(request, info), { ...info, remoteAddr }));
    } catch (error) {
      if (onError !== undefined) return onError(error);
      console.error(error);
      return new Response(null, { status: 500, headers: { [FAILED]: "true" } });
    }
  };
}

function checked(answer: unknown): Response {
  if (answer instanceof Response) return answer;
  const given = answer === undefined ? "nothing" : typeof answer;
  throw new TypeError(`the handler returned ${given} instead of a Response`);
}

function clientOf(request: Request): ServeInfo["remoteAddr"] {
  const hostname = request.headers.get("x-forwarded-for") ?? "127.0.0.1";
  return { transport: "tcp", hostname, port: 0 };
}
