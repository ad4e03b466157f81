/** Work that several callers wait for, and work that must be done one after another. */

/**
 * One piece of work, begun at once, that any number of callers join. A caller who aborts stops
 * waiting; the work itself is aborted when nobody waits for it any more. A failure is kept until
 * somebody has heard of it.
 */
export class SharedWork<T> {
  readonly #controller = new AbortController();
  readonly #result: Promise<T>;
  #waiting = 0;
  #state: "pending" | "done" | "failed" | "heard" = "pending";

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.#result = work(this.#controller.signal);
    this.#result.then(
      () => (this.#state = "done"),
      () => (this.#state = "failed"), // whoever joined hears of it
    );
  }

  /** Whether it failed, or was aborted. */
  get failed(): boolean {
    return this.#state === "failed" || this.useless;
  }

  /** Whether it was aborted, or failed and told so, so that who comes now must begin anew. */
  get useless(): boolean {
    return this.#state === "heard" || this.#controller.signal.aborted;
  }

  /** The result. Rejects with the signal's reason when the caller leaves first. */
  async join(signal: AbortSignal): Promise<T> {
    try {
      return await this.#wait(signal);
    } finally {
      if (this.#state === "failed") this.#state = "heard";
    }
  }

  /** Keep the work going as if joined, until it ends or `signal` fires, and hear nothing of it. */
  async support(signal: AbortSignal): Promise<void> {
    await this.#wait(signal).catch(() => undefined);
  }

  /** Abort the work, and wait for its end; gives what it had come to, if it had. */
  async end(reason: unknown): Promise<T | undefined> {
    if (this.#state === "pending") this.#controller.abort(reason);
    return this.#result.catch(() => undefined);
  }

  async #wait(signal: AbortSignal): Promise<T> {
    this.#waiting += 1;
    try {
      return await unlessAborted(this.#result, signal);
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0 && this.#state === "pending") this.#controller.abort(signal.reason);
    }
  }
}

/** Turns: each piece of work begins when the one before it has ended, however it ended. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Do `work` when its turn comes. An abort while it waits gives the turn up. */
  take<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const turn = this.#last.then(() => {
      signal?.throwIfAborted();
      return work();
    });
    this.#last = turn.catch(() => undefined);
    return signal === undefined ? turn : unlessAborted(turn, signal);
  }
}

/** What a promise gives, or the signal's reason when that fires first. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    const leave = (): void => signal.removeEventListener("abort", abort);
    promise.then(resolve, reject).finally(leave);
  });
}
