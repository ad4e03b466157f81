/** The files of models on a server: from a folder, or by `fetch` where an http URL was given. */

import { type FileHandle, open } from "node:fs/promises";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { memoryFor } from "./body.js";
import { ModelFailure } from "./bridge.js";
import { type ArtefactCard, type FileFacts, LARGEST_CARD, readCard } from "./card.js";
import { asFolder, type Heard, type ModelFiles, reasonOf, shown } from "./files.js";
import { FetchedFiles } from "./files_fetched.js";
import { hasSha256 } from "./sha256.js";

/** Bytes that are read at once: between two reads an abort is heard. */
const PIECE = 4 * 1024 * 1024;

/** Files in folders; those of http URLs are fetched anew by every process that needs them. */
export class FilesOnDisk implements ModelFiles {
  readonly #remote = new FetchedFiles({ base: undefined });

  locate(path: string): URL {
    if (/^(https?|file):/i.test(path)) return this.#remote.locate(path);
    const home = path === "~" || path.startsWith("~/");
    return asFolder(pathToFileURL(home ? resolve(homedir(), `.${path.slice(1)}`) : resolve(path)));
  }

  async card(url: URL, signal: AbortSignal): Promise<ArtefactCard | undefined> {
    if (url.protocol !== "file:") return this.#remote.card(url, signal);
    return fromFile(url, async (file, size) => {
      const bytes = await read(file, Math.min(size, LARGEST_CARD), () => undefined, signal);
      return readCard(bytes, shown(url));
    });
  }

  async file(
    url: URL,
    facts: FileFacts,
    heard: Heard,
    signal: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (url.protocol !== "file:") return this.#remote.file(url, facts, heard, signal);
    const bytes = await fromFile(url, async (file, size) => {
      if (size !== facts.size) return undefined;
      return read(file, size, (loaded) => heard(loaded, true), signal);
    });
    if (bytes === undefined || !(await hasSha256(bytes, facts.sha256))) {
      throw new ModelFailure(
        `${shown(url)} is missing or not the file that its card describes; ` +
          `export the model to that folder again`,
      );
    }
    return bytes;
  }

  settled(): Promise<void> {
    return this.#remote.settled();
  }
}

/** What `use` makes of a regular file; `undefined` when there is none of that name. */
async function fromFile<T>(
  url: URL,
  use: (file: FileHandle, size: number) => Promise<T>,
): Promise<T | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(fileURLToPath(url), "r");
    const facts = await file.stat();
    return facts.isFile() ? await use(file, facts.size) : undefined;
  } catch (error) {
    const code = (error as { readonly code?: unknown }).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (typeof code !== "string") throw error;
    throw new ModelFailure(`${shown(url)} cannot be read: ${reasonOf(error)}`);
  } finally {
    await file?.close();
  }
}

async function read(
  file: FileHandle,
  size: number,
  heard: (loaded: number) => void,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = memoryFor(size);
  heard(0);
  for (let at = 0; at < size; ) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(bytes, at, Math.min(PIECE, size - at), at);
    if (bytesRead === 0) throw new ModelFailure(`a model's file became shorter while it was read`);
    at += bytesRead;
    heard(at);
  }
  return bytes;
}
