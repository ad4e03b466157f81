/** Why a browser's `fetch` failed: it says only "Failed to fetch", whatever the cause. */

import { messageOf } from "../errors.js";

/**
 * Ask the server once more, in a way that needs no permission: an answer, which a page may not
 * read, tells that the server runs but does not allow this page's origin.
 */
export async function explainInBrowser(error: unknown, url: string): Promise<string> {
  const { origin } = new URL(url);
  const here = globalThis.location?.origin;
  if (here === undefined || origin === here) return messageOf(error);
  if (globalThis.location.protocol === "https:" && origin.startsWith("http:") && !isLocal(origin)) {
    return `a page at ${here} may not load from ${origin}: serve the model over https`;
  }
  try {
    await fetch(origin, { mode: "no-cors", credentials: "omit", cache: "no-store" });
  } catch {
    // A page that is cross-origin isolated may be refused even that, so that nobody can tell.
    if (!globalThis.crossOriginIsolated) return messageOf(error);
    return `${messageOf(error)}; or it ${notAllowed(here)}`;
  }
  return `the server answers, but ${notAllowed(here)}`;
}

function notAllowed(here: string): string {
  return (
    `does not allow requests from pages at ${here} (CORS): ` +
    `for Ollama, set OLLAMA_ORIGINS=${here} and start it again`
  );
}

function isLocal(origin: string): boolean {
  return /^https?:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(origin);
}
