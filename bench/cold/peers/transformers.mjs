// transformers.js behind Node's own HTTP server: `node transformers.mjs MODELS`.

import { createServer } from "node:http";

import { env, pipeline } from "@huggingface/transformers";

env.localModelPath = process.argv[2];
env.allowRemoteModels = false;
const loading = pipeline("feature-extraction", "all-MiniLM-L6-v2", { dtype: "q8" });

createServer(async (_, response) => {
  const embed = await loading;
  const vector = await embed("How do I reset my password?", { pooling: "mean", normalize: true });
  response.end(JSON.stringify([...vector.data]));
}).listen(process.env.PORT, process.env.HOST);
