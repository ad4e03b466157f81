/**
 * Starts Python in a browser so that its memory can be given back: Pyodide listens to messages of its
 * page or worker, and of channels of its own, and would be held by that for good.
 */

import type { PyodideConfig } from "pyodide";

import { type Python, type PythonSource, startPython } from "./python.js";

type Factory = (settings: unknown) => Promise<unknown>;
type Listening = Parameters<typeof globalThis.addEventListener>;

/** Start Python, as `startPython` does. */
export async function startInPage(source: PythonSource): Promise<Python> {
  const loading = import(`${source.folder}pyodide.asm.mjs`) as Promise<{ default: Factory }>;
  loading.catch(() => undefined); // awaited below
  const ends: (() => void)[] = [];
  const createPyodideModule = async (settings: unknown): Promise<unknown> => {
    const { default: factory } = await loading;
    return observed(() => factory(settings), ends);
  };
  const config = { createPyodideModule } as unknown as PyodideConfig;
  const python = await startPython({ ...source, config });
  return {
    ...python,
    dispose() {
      python.dispose();
      for (const end of ends) end();
    },
  };
}

/** Do `work`, and note how to end the listening that it begins before it first waits. */
function observed<T>(work: () => T, ends: (() => void)[]): T {
  const { addEventListener, MessageChannel } = globalThis;
  const listen = (...listening: Listening): void => {
    ends.push(() => globalThis.removeEventListener(...listening));
    addEventListener.apply(globalThis, listening);
  };
  class Channel extends MessageChannel {
    constructor() {
      super();
      ends.push(() => this.port1.close());
    }
  }
  const restore = [replaced("addEventListener", listen), replaced("MessageChannel", Channel)];
  try {
    return work();
  } finally {
    for (const each of restore) each();
  }
}

/** Replace a global; gives the function that puts it back. */
function replaced(name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(globalThis, name);
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  return () => {
    if (before === undefined) Reflect.deleteProperty(globalThis, name);
    else Object.defineProperty(globalThis, name, before);
  };
}
