/**
 * The browser's own store of model files, the Cache API: a file that was loaded once is not
 * transferred again, and models work without a network.
 *
 * A file is kept under its URL and its hash. What is taken out is checked like what comes from the
 * network; a browser that refuses to keep anything only makes the next visit slower.
 */

import type { FileFacts } from "./card.js";
import { reasonOf } from "./files.js";
import { hasSha256 } from "./sha256.js";

const NAME = "edgelet-models";

/** The kept files. No method rejects. */
export class ModelCache {
  readonly #storage: CacheStorage;
  #refused = false;
  readonly #writing = new Set<Promise<void>>();

  constructor(storage: CacheStorage) {
    this.#storage = storage;
  }

  /** The card kept for that URL. */
  async card(url: URL): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#bytes(url);
  }

  /** Keep a card. */
  keepCard(url: URL, bytes: Uint8Array<ArrayBuffer>): void {
    this.#write((cache) => cache.put(url, new Response(bytes)));
  }

  /** The file kept for that URL with that hash. One that was damaged since is dropped. */
  async file(url: URL, facts: FileFacts): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const key = keyOf(url, facts);
    const bytes = await this.#bytes(key);
    if (bytes === undefined) return undefined;
    if (bytes.length === facts.size && (await hasSha256(bytes, facts.sha256))) return bytes;
    await this.#try(async (cache) => void (await cache.delete(key)));
    return undefined;
  }

  /** Keep a file, and drop what was kept for its URL before. */
  keepFile(url: URL, facts: FileFacts, bytes: Uint8Array<ArrayBuffer>): void {
    const key = keyOf(url, facts);
    this.#write(async (cache) => {
      for (const older of await cache.keys(url, { ignoreSearch: true })) {
        if (older.url !== key.href) await cache.delete(older);
      }
      await cache.put(key, new Response(bytes));
    });
  }

  /** Wait for everything that is being written. */
  async settled(): Promise<void> {
    await Promise.all(this.#writing);
  }

  async #bytes(key: URL): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#try(async (cache) => {
      const kept = await cache.match(key);
      return kept && new Uint8Array(await kept.arrayBuffer());
    });
  }

  #write(work: (cache: Cache) => Promise<void>): void {
    const writing = this.#try(work).finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
  }

  async #try<T>(work: (cache: Cache) => Promise<T>): Promise<T | undefined> {
    try {
      return await work(await this.#storage.open(NAME));
    } catch (error) {
      if (!this.#refused) {
        const reason = reasonOf(error);
        console.warn(`edgelet: the browser keeps no model files for the next visit: ${reason}`);
      }
      this.#refused = true;
      return undefined;
    }
  }
}

function keyOf(url: URL, facts: FileFacts): URL {
  const key = new URL(url);
  key.search = `?sha256=${facts.sha256}`;
  return key;
}
