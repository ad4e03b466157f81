/** `Deno` where there is none: what functions written for Supabase use of it beside `serve`. */

/** Put a `Deno` in place whose environment is `variables`. Returns it. */
export function provideDeno(variables: Record<string, string | undefined>): { serve?: unknown } {
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
