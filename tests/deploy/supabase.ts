/**
 * A double of what Supabase's edge runtime has beside Deno: `Supabase.ai.Session("gte-small")`, as
 * its `ext/ai/js/ai.js` has it. It takes one text, and gives numbers that depend on the text alone:
 * one vector, or without pooling all rows in one list, which it would normalise as one vector.
 */

interface Options {
  readonly mean_pool?: boolean;
  readonly normalize?: boolean;
}

class Session {
  constructor(readonly model: string) {
    if (model !== "gte-small") throw new Error(`the double has no ${model}`);
  }

  async run(text: unknown, { mean_pool = true, normalize = true }: Options = {}): Promise<number[]> {
    if (typeof text !== "string") throw new TypeError("expected a string");
    console.log(`embeds ${JSON.stringify(text)}`);
    await new Promise((resolve) => setTimeout(resolve, 0));
    const rows = mean_pool ? 1 : text.split(" ").length + 2;
    const values = Array.from({ length: rows * 384 }, (_, at) => 1 + ((text.length * 7 + at) % 11));
    return normalize ? scaled(values) : values;
  }
}

function scaled(values: number[]): number[] {
  const length = Math.hypot(...values);
  return values.map((value) => value / length);
}

Object.assign(globalThis, { Supabase: { ai: { Session } } });
