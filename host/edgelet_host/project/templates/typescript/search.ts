/// <reference path="../_shared/edge-runtime.d.ts" />

// Finds the passages that are nearest to a query by what they mean, not by
// their words.

const PASSAGES = [
  "Bees dance to show their hive where the flowers are.",
  "Plants turn sunlight, water and carbon dioxide into sugar.",
  "Salmon return to the river of their birth to lay their eggs.",
  "The moon's pull raises the tides twice a day.",
  "Lightning heats the air around it to five times the temperature of the sun's surface.",
  "Bread rises because yeast makes bubbles of gas in the dough.",
  "Salt lowers the freezing point of water, which keeps winter roads clear of ice.",
  "A violin's strings are tuned a fifth apart.",
  "The printing press made books cheap enough for ordinary people.",
  "Vaccines teach the immune system to know a disease before it meets it.",
  "Rising prices make the same wage buy less each year.",
  "The first railways ran at the speed of a galloping horse.",
];

// The model that Supabase has is gte-small. Name it here for a function that is
// to run there, and to find the same passages that it finds.
const model = new Supabase.ai.Session("all-MiniLM-L6-v2");

/** The vectors of the passages, once the first request has had them made. */
let vectors: number[][] | undefined;

Deno.serve(async (req: Request) => {
  const query = await given(req, "query");
  if (!query) {
    const error = 'give a text as ?query=… or as JSON: {"query": "…"}';
    return Response.json({ error }, { status: 400 });
  }
  const known = vectors ??= await Promise.all(PASSAGES.map(embed));
  const wanted = await embed(query);
  const scored = PASSAGES.map((text, index) => {
    return { score: product(wanted, known[index]), text };
  });
  const best = scored.sort((a, b) => b.score - a.score).slice(0, 3);
  return Response.json(best);
});

function embed(text: string): Promise<number[]> {
  return model.run(text, { mean_pool: true, normalize: true });
}

/** Of vectors with the length 1, it is the cosine of the angle between them. */
function product(a: number[], b: number[]): number {
  return a.reduce((sum, value, index) => sum + value * b[index], 0);
}

/** That text, from the query or from a body of JSON, if there is one. */
async function given(req: Request, name: string): Promise<string | undefined> {
  const asked = new URL(req.url).searchParams.get(name);
  if (asked !== null) return asked;
  const body = await req.json().catch(() => undefined) as unknown;
  const value = (body as Record<string, unknown> | null | undefined)?.[name];
  return typeof value === "string" ? value : undefined;
}
