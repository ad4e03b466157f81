// The options of `run`, each of them, as Supabase's guide lists them.
//
//   curl --get "http://localhost:54321/functions/v1/run-options" \
//     --data-urlencode "prompt=Why is the sky blue?" -d mode=openaicompatible -d timeout=30 \
//     -H "Authorization: $ANON_KEY"

import 'jsr:@supabase/functions-js/edge-runtime.d.ts'

Deno.serve(async (req: Request) => {
  const params = new URL(req.url).searchParams

  // An embedding model: what the vectors are made of.
  const input = params.get('input')
  if (input !== null) {
    const model = new Supabase.ai.Session(params.get('model') ?? 'gte-small')
    const output = await model.run(input, {
      mean_pool: params.get('mean_pool') !== 'false', // one vector, not one a token
      normalize: params.get('normalize') !== 'false', // of length 1
    })
    return Response.json(output)
  }

  // A language model: what the inference host speaks, and for how long it may.
  const session = new Supabase.ai.Session(params.get('model') ?? 'mistral')
  const mode = params.get('mode') === 'openaicompatible' ? 'openaicompatible' : 'ollama'
  const prompt = params.get('prompt') ?? ''
  const output = await session.run(
    mode === 'ollama' ? prompt : { messages: [{ role: 'user', content: prompt }] },
    {
      mode,
      stream: false,
      timeout: Number(params.get('timeout') ?? 60), // seconds
      signal: req.signal, // nobody waits any more: the model may stop
    },
  )
  return Response.json(output)
})
