// transformers.js on onnxruntime-node; speaks as serving.py does. `node transformers.mjs OPTIONS`.

import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, basename } from "node:path";
import { createInterface } from "node:readline";

const options = JSON.parse(process.argv[2]);
const { env, pipeline } = createRequire(`${options.packages}/`)("@huggingface/transformers");

const BATCH = 32;
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

env.localModelPath = dirname(options.hub);
env.allowRemoteModels = false;
const extract = await pipeline("feature-extraction", basename(options.hub), {
  dtype: options.dtype,
  session_options: { intraOpNumThreads: options.threads },
});

async function embed(texts) {
  const parts = [];
  for (let start = 0; start < texts.length; start += BATCH) {
    const batch = texts.slice(start, start + BATCH);
    parts.push((await extract(batch, { pooling: "mean", normalize: true })).data);
  }
  return parts;
}

async function seconds(texts) {
  const started = performance.now();
  await embed(texts);
  return (performance.now() - started) / 1e3;
}

const read = {};
async function some(kind, start, end) {
  read[kind] ??= JSON.parse(await readFile(`${options.texts}/${kind}.json`, "utf8"));
  return read[kind].slice(start, end);
}

const verbs = {
  async many({ kind, count }) {
    return { seconds: await seconds(await some(kind, 0, count)) };
  },

  async singles({ kind, start, count }) {
    const each = [];
    for (const text of await some(kind, start, start + count)) each.push(await seconds([text]));
    return { seconds: each };
  },

  async vectors({ kind, file }) {
    const texts = await some(kind);
    const bytes = ({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength);
    await writeFile(file, Buffer.concat((await embed(texts)).map(bytes)));
    return { texts: texts.length };
  },
};

await embed(["Hello world"]);
say({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  const { do: verb, ...asked } = JSON.parse(line);
  say(await verbs[verb](asked));
}
