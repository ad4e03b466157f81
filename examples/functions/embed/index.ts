// The first function of Supabase's guide, as it stands there:
// https://supabase.com/docs/guides/functions/ai-models
//
//   curl --get "http://localhost:54321/functions/v1/embed" \
//     --data-urlencode "input=Hello world" -H "Authorization: $ANON_KEY"

const model = new Supabase.ai.Session('gte-small')

Deno.serve(async (req: Request) => {
  const params = new URL(req.url).searchParams
  const input = params.get('input')
  const output = await model.run(input, { mean_pool: true, normalize: true })
  return new Response(JSON.stringify(output), {
    headers: {
      'Content-Type': 'application/json',
      Connection: 'keep-alive',
    },
  })
})
