// onnxruntime-node and a tokenizer behind Node's own HTTP server: `node plain.mjs MODELS`.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

import { Tokenizer } from "@huggingface/tokenizers";
import { InferenceSession, Tensor } from "onnxruntime-node";

const folder = `${process.argv[2]}/all-MiniLM-L6-v2`;
const json = async (name) => JSON.parse(await readFile(`${folder}/${name}`, "utf8"));

async function load() {
  const [tokenizer, config, session] = await Promise.all([
    json("tokenizer.json"),
    json("tokenizer_config.json"),
    InferenceSession.create(`${folder}/onnx/model_quantized.onnx`),
  ]);
  return { tokenizer: new Tokenizer(tokenizer, config), session };
}

const loading = load();

async function embed(text) {
  const { tokenizer, session } = await loading;
  const { ids } = tokenizer.encode(text);
  const tensor = (values) => new Tensor("int64", BigInt64Array.from(values, BigInt), [1, ids.length]);
  const ones = ids.map(() => 1);
  const { last_hidden_state: states } = await session.run({
    input_ids: tensor(ids),
    attention_mask: tensor(ones),
    token_type_ids: tensor(ids.map(() => 0)),
  });
  const size = states.dims[2];
  const sums = Array.from({ length: size }, (_, at) =>
    ids.reduce((sum, _, row) => sum + states.data[row * size + at], 0),
  );
  const length = Math.hypot(...sums);
  return sums.map((sum) => sum / length);
}

createServer(async (_, response) => {
  response.end(JSON.stringify(await embed("How do I reset my password?")));
}).listen(process.env.PORT, process.env.HOST);
