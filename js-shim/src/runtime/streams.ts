/** The open streams of a runtime, by numbers that are never used again. */

import { EdgeletError } from "../errors.js";

/**
 * A stream lives where it began: in one Python, or one worker (`Home`), which has its own number for
 * it. When that is gone the stream is, too; a new one may use the same number for another stream.
 */
export class Streams<Home> {
  readonly #open = new Map<number, { readonly home: Home; readonly inner: number }>();
  #last = 0;

  /** The number of a stream that has begun. */
  add(home: Home, inner: number): number {
    this.#open.set(++this.#last, { home, inner });
    return this.#last;
  }

  /** The number that `home` has for a stream; `undefined` when it is closed or not from there. */
  find(stream: number, home: Home | undefined): number | undefined {
    const found = this.#open.get(stream);
    return found !== undefined && found.home === home ? found.inner : undefined;
  }

  /** Forget a stream. */
  drop(stream: number): void {
    this.#open.delete(stream);
  }
}

/** What a call or stream ends with when its runtime is disposed of meanwhile. */
export function disposedOf(): EdgeletError {
  const message = "the runtime was disposed of while it was in use; ask again to start it anew";
  return new EdgeletError({ name: "EdgeletError", message });
}
