/**
 * What the server tells a function's process when it starts: one line of JSON on its standard input,
 * so that no secret stands on a command line or in a process's environment. The input stays open
 * for as long as the function is wanted.
 */

import { Deno } from "./deno.js";

export interface Terms {
  /** The function's whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the function listens: the path of a Unix socket. */
  readonly socket: string;
  /** The server's door for what the function asks of it. */
  readonly door: { readonly socket: string; readonly token: string };
  /** The module of edgelet's own bridge, for models that only it can open. */
  readonly bridge: string;
}

/** Read the terms. Nothing of the function has run yet, so that waiting for them holds up nobody. */
export function readTerms(): Terms {
  const decoder = new TextDecoder();
  const piece = new Uint8Array(64 * 1024);
  for (let line = ""; ; ) {
    const size = Deno.stdin.readSync(piece);
    if (size === null) return Deno.exit(1); // nobody wants this process any more
    line += decoder.decode(piece.subarray(0, size), { stream: true });
    if (line.endsWith("\n")) return JSON.parse(line) as Terms;
  }
}

/** Make the function's environment what the terms say, and nothing else. */
export function takeEnvironment({ env }: Terms): void {
  for (const name of Object.keys(Deno.env.toObject())) Deno.env.delete(name);
  for (const [name, value] of Object.entries(env)) Deno.env.set(name, value);
}

/** Settles when the server wants this process no more, or is gone. */
export async function dismissed(): Promise<void> {
  const reader = Deno.stdin.readable.getReader();
  while (!(await reader.read()).done);
}
