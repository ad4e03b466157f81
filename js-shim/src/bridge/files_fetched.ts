/** The files of models by `fetch`, with a cache where the host has one. */

import { LONGEST_SILENCE, readAtMost, readExactly, Silence } from "./body.js";
import { ModelFailure } from "./bridge.js";
import { type ArtefactCard, type FileFacts, LARGEST_CARD, readCard } from "./card.js";
import { asFolder, type Heard, type ModelFiles, reasonOf, shown } from "./files.js";
import { ModelCache } from "./model_cache.js";
import { hasSha256 } from "./sha256.js";

/** How to fetch. */
export interface FetchedFilesOptions {
  /** What relative paths are relative to. */
  readonly base: string | URL | undefined;
  /** The host's store of responses; without it, every load asks the network. */
  readonly caches?: CacheStorage | undefined;
  readonly fetch?: typeof fetch;
  /** Milliseconds without a byte after which a transfer is given up. */
  readonly longestSilence?: number;
}

/** Files from servers. */
export class FetchedFiles implements ModelFiles {
  readonly #base: string | URL | undefined;
  readonly #cache: ModelCache | undefined;
  readonly #fetch: typeof fetch;
  readonly #longestSilence: number;

  constructor(options: FetchedFilesOptions) {
    this.#base = options.base;
    this.#cache = options.caches && new ModelCache(options.caches);
    this.#fetch = options.fetch ?? ((...request) => fetch(...request));
    this.#longestSilence = options.longestSilence ?? LONGEST_SILENCE;
  }

  locate(path: string): URL {
    try {
      return asFolder(new URL(path, this.#base));
    } catch {
      throw new ModelFailure(`${JSON.stringify(path)} is no URL of a folder with a model`);
    }
  }

  /** Asks the network first, so that a new deployment is seen; the cache only when there is none. */
  async card(url: URL, signal: AbortSignal): Promise<ArtefactCard | undefined> {
    try {
      const bytes = await this.#get(url, "no-cache", signal, (response, silence) =>
        readAtMost(response, LARGEST_CARD, () => silence.heard()),
      );
      const card = readCard(bytes, shown(url));
      this.#cache?.keepCard(url, bytes);
      return card;
    } catch (error) {
      if (error instanceof NotThere) return undefined;
      signal.throwIfAborted();
      const kept = error instanceof NoAnswer ? await this.#cache?.card(url) : undefined;
      if (kept === undefined) throw error;
      return readCard(kept, shown(url));
    }
  }

  async file(
    url: URL,
    facts: FileFacts,
    heard: Heard,
    signal: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const kept = await this.#cache?.file(url, facts);
    signal.throwIfAborted();
    if (kept !== undefined) {
      heard(facts.size, true);
      return kept;
    }
    // What the cache keeps need not lie in the browser's HTTP cache a second time.
    const mode = this.#cache === undefined ? "no-cache" : "no-store";
    const bytes = await this.#get(url, mode, signal, (response, silence) => {
      heard(0, false);
      return readExactly(response, facts.size, (loaded) => {
        silence.heard();
        heard(loaded, false);
      });
    });
    if (!(await hasSha256(bytes, facts.sha256))) {
      throw new ModelFailure(
        `${shown(url)} is not the file that its card describes (its SHA-256 differs); ` +
          `load it again, or export the model to that folder again`,
      );
    }
    this.#cache?.keepFile(url, facts, bytes);
    return bytes;
  }

  async settled(): Promise<void> {
    await this.#cache?.settled();
  }

  async #get<T>(
    url: URL,
    cache: RequestCache,
    signal: AbortSignal,
    read: (response: Response, silence: Silence) => Promise<T>,
  ): Promise<T> {
    const silence = new Silence(this.#longestSilence, signal);
    try {
      const response = await this.#fetch(url, {
        signal: silence.signal,
        ...(KNOWS_CACHE_MODES ? { cache } : {}),
      });
      if (response.ok) return await read(response, silence);
      await response.body?.cancel();
      throw refusal(url, response.status);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof NotThere || error instanceof NoAnswer) throw error;
      if (error instanceof ModelFailure) {
        throw new ModelFailure(`${shown(url)} cannot be used: ${error.message}`);
      }
      throw new NoAnswer(`${shown(url)} cannot be fetched: ${reasonOf(error)}; try it again`);
    } finally {
      silence.end();
    }
  }
}

/** Some hosts refuse a request that names a cache mode, because they have no HTTP cache. */
const KNOWS_CACHE_MODES = "cache" in Request.prototype;

/** The server says that there is no such file. */
class NotThere extends ModelFailure {}

/** The server cannot be reached, or is in trouble: what was kept may be used instead. */
class NoAnswer extends ModelFailure {}

function refusal(url: URL, status: number): ModelFailure {
  const message = `${shown(url)} cannot be fetched: the server answers ${status}`;
  if (status === 404 || status === 410) return new NotThere(message);
  return status >= 500 ? new NoAnswer(message) : new ModelFailure(message);
}
