/// <reference path="../_shared/edge-runtime.d.ts" />

// Says hello to whoever the query names, or a body of JSON: {"name": "Ada"}.

Deno.serve(async (req: Request) => {
  const name = await given(req, "name") || "world";
  return Response.json({ message: `Hello ${name}!` });
});

/** That text, from the query or from a body of JSON, if there is one. */
async function given(req: Request, name: string): Promise<string | undefined> {
  const asked = new URL(req.url).searchParams.get(name);
  if (asked !== null) return asked;
  const body = await req.json().catch(() => undefined) as unknown;
  const value = (body as Record<string, unknown> | null | undefined)?.[name];
  return typeof value === "string" ? value : undefined;
}
