/** The environment of the process, of which a function is given what is named. */

import process from "node:process";

/** The variables of those names that are set. */
export function environment(names: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const value = variable(name);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

/** Where to listen: `PORT`, else 8000, on all addresses unless `HOST` names one. */
export function address(): { readonly port: number; readonly hostname: string } {
  return { port: Number(variable("PORT") ?? 8000), hostname: variable("HOST") ?? "0.0.0.0" };
}

/** Tell where the function listens. */
export function announce(port: number): void {
  console.log(`Listening on http://localhost:${port}/`);
}

function variable(name: string): string | undefined {
  try {
    return process.env[name];
  } catch {
    return undefined; // Deno may not read it
  }
}
