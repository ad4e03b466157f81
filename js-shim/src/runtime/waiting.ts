/** Waits that end on time: a deadline, or a signal, whichever comes first. */

/** The deadline of a wait passed at the instant `at`, in seconds. */
export class DeadlinePassed extends Error {
  constructor(readonly at: number) {
    super("the deadline passed");
  }
}

/** The caller's signal fired. */
export class SignalFired extends Error {
  constructor(readonly reason: unknown) {
    super("the signal fired");
  }
}

/** The present instant, in seconds, on the clock that deadlines are measured by. */
export function clock(): number {
  return performance.now() / 1000;
}

const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Await `work`, no longer than until `deadline` (seconds on `clock`) and while `signal` is silent.
 * Work that is left is told so by its own signal; what it gives then is dropped.
 */
export async function waiting<T>(
  work: (signal: AbortSignal) => Promise<T>,
  deadline: number | undefined,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal?.aborted) throw new SignalFired(signal.reason);
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let fired: (() => void) | undefined;
  const left = new Promise<never>((_, reject) => {
    const leave = (reason: Error): void => {
      reject(reason);
      controller.abort(reason);
    };
    if (deadline !== undefined) {
      const milliseconds = Math.max((deadline - clock()) * 1000, 0);
      const passed = (): void => leave(new DeadlinePassed(Math.max(clock(), deadline)));
      if (milliseconds <= LONGEST_TIMER) timer = setTimeout(passed, milliseconds);
    }
    if (signal !== undefined) {
      fired = () => leave(new SignalFired(signal.reason));
      signal.addEventListener("abort", fired, { once: true });
    }
  });
  try {
    const working = work(controller.signal);
    working.catch(() => undefined); // its failure after it was left concerns nobody
    return await Promise.race([working, left]);
  } finally {
    clearTimeout(timer);
    if (fired !== undefined) signal?.removeEventListener("abort", fired);
  }
}
