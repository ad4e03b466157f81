/// <reference path="../_shared/edge-runtime.d.ts" />

// Streams a language model's answer.
//
// The model runs on an inference host such as Ollama. Say once where that is:
//
//   edgelet secrets set AI_INFERENCE_API_HOST=http://127.0.0.1:11434

const model = new Supabase.ai.Session("mistral");

/** A piece of the answer, of which Ollama says more than is needed here. */
interface Piece {
  response?: string;
}

Deno.serve(async (req: Request) => {
  const prompt = await given(req, "prompt");
  if (!prompt) {
    const error = 'give a question as ?prompt=… or as JSON: {"prompt": "…"}';
    return Response.json({ error }, { status: 400 });
  }
  const pieces: AsyncIterable<Piece> = await model.run(prompt, {
    stream: true,
  });
  const body = ReadableStream.from(events(pieces));
  return new Response(body.pipeThrough(new TextEncoderStream()), {
    headers: { "content-type": "text/event-stream" },
  });
});

/** A server-sent event for each piece of the answer. */
async function* events(pieces: AsyncIterable<Piece>): AsyncGenerator<string> {
  for await (const { response } of pieces) {
    if (response) yield `data: ${JSON.stringify({ text: response })}\n\n`;
  }
}

/** That text, from the query or from a body of JSON, if there is one. */
async function given(req: Request, name: string): Promise<string | undefined> {
  const asked = new URL(req.url).searchParams.get(name);
  if (asked !== null) return asked;
  const body = await req.json().catch(() => undefined) as unknown;
  const value = (body as Record<string, unknown> | null | undefined)?.[name];
  return typeof value === "string" ? value : undefined;
}
