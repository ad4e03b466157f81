/** What a deployed Worker starts with its first request, since workerd lets nothing be begun before. */

import { outlivingRequest } from "../runtime/request_life.js";

/**
 * Begun by the first request, done for all of them, and finished even if that one's client leaves.
 * Work that failed is begun again by the next request.
 */
export function startedOnce<T>(work: () => Promise<T>): () => Promise<T> {
  let starting: Promise<T> | undefined;
  return () => {
    if (starting === undefined) {
      const attempt = outlivingRequest(work);
      starting = attempt;
      attempt.catch(() => {
        if (starting === attempt) starting = undefined;
      });
    }
    return starting;
  };
}
