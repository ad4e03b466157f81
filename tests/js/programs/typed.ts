// What the types of the package promise, held by the compiler.
import { type Chunk, createRuntime, EdgeletError, type Embeddings, Session } from "edgelet";

const runtime = createRuntime({ precision: "int8", onProgress: ({ loaded, total }) => loaded / total });
const session = new Session("all-MiniLM-L6-v2", { runtime });

const embeddings: Embeddings = await session.embed(["a", "b"], { truncate: false });
const lengths: number[] = embeddings.vectors.map((vector: Float32Array) => vector.length);

const chunk: Chunk = await session.generate("Why?", { mode: "openaicompatible", temperature: 0 });
for await (const { text, finish_reason } of await session.generate("Why?", { stream: true })) {
  lengths.push(text.length + (finish_reason ?? "").length + chunk.text.length);
}

try {
  await session.run("Why?");
} catch (error) {
  if (error instanceof EdgeletError) console.log(error.name, error.status, error.server_message);
}

// @ts-expect-error: there is no such precision
new Session("all-MiniLM-L6-v2", { precision: "int4" });
await runtime.dispose();
