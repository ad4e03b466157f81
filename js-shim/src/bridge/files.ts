/**
 * Where the files of models come from, as `Models` sees it. `files_fetched.ts` has them from a
 * network, `files_on_disk.ts` from a folder.
 */

import type { ArtefactCard, FileFacts } from "./card.js";

/** Hears how many bytes have come; `cached` when nothing was transferred. */
export type Heard = (loaded: number, cached: boolean) => void;

/** One way of getting files. Failures are `ModelFailure`; an abort throws the signal's reason. */
export interface ModelFiles {
  /** The folder, as a URL that ends in a slash, that a path or URL of the user's means. */
  locate(path: string): URL;
  /** The card at that URL, checked; `undefined` when there is none. */
  card(url: URL, signal: AbortSignal): Promise<ArtefactCard | undefined>;
  /** The file at that URL: exactly the bytes that its facts describe. */
  file(
    url: URL,
    facts: FileFacts,
    heard: Heard,
    signal: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>>;
  /** Wait until everything that is being written to a cache is there. Never rejects. */
  settled(): Promise<void>;
}

/** A URL for a person to read: a path where it is one, and nothing that may be secret. */
export function shown(url: URL): string {
  if (url.protocol !== "file:") return `${url.origin}${url.pathname}`;
  try {
    return decodeURIComponent(url.pathname);
  } catch {
    return url.pathname;
  }
}

/** The first line of why something failed. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.trim().split("\n", 1)[0] || "no reason given";
}

/** The folder of a URL: the same, with a slash at its end. */
export function asFolder(url: URL): URL {
  const folder = new URL(url);
  if (!folder.pathname.endsWith("/")) folder.pathname += "/";
  return folder;
}
