/**
 * The variables of a function in a service worker. Pages give them; the browser keeps them, because
 * it stops a worker that has nothing to do, and starts it again for the next request.
 */

import { reasonOf } from "../bridge/files.js";

export type Variables = Readonly<Record<string, string>>;

const STORE = "edgelet-variables";

/** The variables of one service worker; `scope` is the folder that it serves. */
export class KeptVariables {
  readonly #key: string;
  #current: Promise<Variables> | undefined;

  constructor(scope: string) {
    this.#key = new URL("edgelet-variables.json", scope).href;
  }

  /** What was given last: the same object until something else is given. */
  get(): Promise<Variables> {
    return (this.#current ??= this.#read());
  }

  /** Replace them. */
  async set(given: Variables): Promise<void> {
    if (same(await this.get(), given)) return;
    this.#current = Promise.resolve(given);
    try {
      const store = await caches.open(STORE);
      await store.put(this.#key, Response.json(given));
    } catch (error) {
      console.warn(`edgelet: the browser does not keep the variables: ${reasonOf(error)}`);
    }
  }

  async #read(): Promise<Variables> {
    try {
      const store = await caches.open(STORE);
      return ((await (await store.match(this.#key))?.json()) ?? {}) as Variables;
    } catch {
      return {}; // a browser that keeps nothing
    }
  }
}

function same(before: Variables, after: Variables): boolean {
  const names = Object.keys(before);
  return (
    names.length === Object.keys(after).length && names.every((name) => before[name] === after[name])
  );
}
