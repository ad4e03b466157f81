// Written as Supabase's documentation writes it; the first line is all that edgelet adds.
import "edgelet/supabase";

const model = new Supabase.ai.Session("all-MiniLM-L6-v2");
const embedding = await model.run("Hello world", { mean_pool: true, normalize: true });

const session = new Supabase.ai.Session("mistral");
const output = await session.run("Why is the sky blue?", { stream: true });

let text = "";
for await (const chunk of output) {
  text += chunk.response ?? "";
}
console.log(JSON.stringify({ length: embedding.length, text }));
