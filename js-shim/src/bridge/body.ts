/** Reads the body of an HTTP answer into memory, never more than was agreed. */

import { ModelFailure } from "./bridge.js";

/** A network that is silent for so long is taken for gone, in milliseconds. */
export const LONGEST_SILENCE = 60_000;

/** Ends a transfer that stands still: its `signal` fires when `heard` was not called in time. */
export class Silence {
  readonly #controller = new AbortController();
  readonly #longest: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Fires after the silence, or when the caller's signal does. */
  readonly signal: AbortSignal;

  constructor(longest: number, caller: AbortSignal) {
    this.#longest = longest;
    this.signal = AbortSignal.any([this.#controller.signal, caller]);
    this.heard();
  }

  /** Something came. */
  heard(): void {
    clearTimeout(this.#timer);
    const seconds = this.#longest / 1000;
    this.#timer = setTimeout(() => {
      this.#controller.abort(new Error(`nothing came for ${seconds} seconds`));
    }, this.#longest);
  }

  /** The transfer is over. */
  end(): void {
    clearTimeout(this.#timer);
  }
}

/** All of a body that must have `size` bytes. Throws `ModelFailure` when it has more or fewer. */
export async function readExactly(
  response: Response,
  size: number,
  heard: (loaded: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = memoryFor(size);
  let loaded = 0;
  for await (const piece of pieces(response)) {
    if (loaded + piece.length > size) throw new ModelFailure(`it has more than ${size} bytes`);
    bytes.set(piece, loaded);
    loaded += piece.length;
    heard(loaded);
  }
  if (loaded < size) throw new ModelFailure(`it ended after ${loaded} of ${size} bytes`);
  return bytes;
}

/** All of a body of unknown size. Throws `ModelFailure` when it has more than `limit` bytes. */
export async function readAtMost(
  response: Response,
  limit: number,
  heard: () => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let loaded = 0;
  for await (const piece of pieces(response)) {
    loaded += piece.length;
    if (loaded > limit) throw new ModelFailure(`it has more than ${limit} bytes`);
    parts.push(piece);
    heard();
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** So many bytes of memory. Throws `ModelFailure` where there is not as much. */
export function memoryFor(size: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size);
  } catch {
    throw new ModelFailure(`there is no memory for its ${size} bytes`);
  }
}

/** The pieces of a body. Leaving the loop closes the connection. */
async function* pieces(response: Response): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value as Uint8Array<ArrayBuffer>;
    }
  } finally {
    await reader.cancel().catch(() => undefined); // it is over, one way or the other
  }
}
