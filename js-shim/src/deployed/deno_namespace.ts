/** `Deno` where there is none: what functions written for Supabase use of it beside `serve`. */

import process from "node:process";

/** Put a `Deno` in place that has an environment. Returns it. */
export function provideDeno(): { serve?: unknown } {
  const env = {
    get: (name: string): string | undefined => process.env[name],
    has: (name: string): boolean => process.env[name] !== undefined,
    toObject: (): Record<string, string> => ({ ...(process.env as Record<string, string>) }),
    set: (name: string, value: string): void => void (process.env[name] = value),
    delete: (name: string): void => void delete process.env[name],
  };
  const deno: { readonly env: typeof env; serve?: unknown } = { env };
  Object.assign(globalThis, { Deno: deno });
  return deno;
}
