// Embeds a text with the model that needs no hub: all-MiniLM-L6-v2.
//
//   edgelet functions invoke examples/functions/embed-minilm-js --get input="Hello world"

const model = new Supabase.ai.Session('all-MiniLM-L6-v2')

Deno.serve(async (req: Request) => {
  const input = new URL(req.url).searchParams.get('input')
  if (input === null) {
    return Response.json({ error: 'give a text as ?input=…' }, { status: 400 })
  }
  return Response.json(await model.run(input, { mean_pool: true, normalize: true }))
})
