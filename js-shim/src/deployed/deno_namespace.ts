/** `Deno` where there is none: what functions written for Supabase use of it beside `serve`. */

/** Variables by their names; `Deno.env` reads and writes them. */
export type Variables = Record<string, string | undefined>;

/** Put a `Deno` in place that has this environment. Returns it. */
export function provideDeno(variables: Variables): { serve?: unknown } {
  const env = {
    get: (name: string): string | undefined => variables[name],
    has: (name: string): boolean => variables[name] !== undefined,
    toObject: (): Record<string, string> => ({ ...(variables as Record<string, string>) }),
    set: (name: string, value: string): void => void (variables[name] = value),
    delete: (name: string): void => void delete variables[name],
  };
  const deno: { readonly env: typeof env; serve?: unknown } = { env };
  Object.assign(globalThis, { Deno: deno });
  return deno;
}
