/// <reference path="../_shared/edge-runtime.d.ts" />

// Embeds a text: answers with its vector, whose 384 numbers say what the text
// is about.

// The model that Supabase has is gte-small. Name it here for a function that is
// to run there, and for vectors that are to be compared with those made there.
const model = new Supabase.ai.Session("all-MiniLM-L6-v2");

Deno.serve(async (req: Request) => {
  const text = await given(req, "input");
  if (!text) {
    const error = 'give a text as ?input=… or as JSON: {"input": "…"}';
    return Response.json({ error }, { status: 400 });
  }
  const options = { mean_pool: true, normalize: true };
  const vector: number[] = await model.run(text, options);
  return Response.json(vector);
});

/** That text, from the query or from a body of JSON, if there is one. */
async function given(req: Request, name: string): Promise<string | undefined> {
  const asked = new URL(req.url).searchParams.get(name);
  if (asked !== null) return asked;
  const body = await req.json().catch(() => undefined) as unknown;
  const value = (body as Record<string, unknown> | null | undefined)?.[name];
  return typeof value === "string" ? value : undefined;
}
