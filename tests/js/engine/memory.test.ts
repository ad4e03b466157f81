/** Memory: flat while batches run, and given back. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";

import { NativeEngine } from "../../../js-shim/src/bridge/engine_native.js";
import { readCard } from "../../../js-shim/src/bridge/card.js";
import { batchOf, cosine, ids, MODEL, MODELS, modelsOf, native, never } from "./material.js";

const memories: WebAssembly.Memory[] = [];
const { Memory } = WebAssembly;

/** Note every memory that is made, such as the one of onnxruntime-web. */
WebAssembly.Memory = class extends Memory {
  constructor(descriptor: WebAssembly.MemoryDescriptor) {
    super(descriptor);
    if (descriptor.initial > 0) memories.push(this);
  }
};

function heap(): number {
  assert.equal(memories.length, 1);
  return memories[0]!.buffer.byteLength;
}

describe("the memory of onnxruntime-web", () => {
  after(() => (WebAssembly.Memory = Memory));

  test("is flat over batches of mixed lengths", async (t) => {
    const models = modelsOf({ device: "wasm" });
    const { handle } = await models.open({ model: MODEL, precision: "int8" }, never());
    const run = async (): Promise<void> => {
      for (let at = 0; at < ids.length; at += 12) {
        await models.run({ handle, ...batchOf(ids.slice(at, at + 3)) }, never());
      }
    };
    const opened = heap();
    await run();
    const first = heap();
    for (let round = 0; round < 5; round++) await run();
    t.diagnostic(`opened ${opened}, after one round ${first}, after six ${heap()}`);
    assert.equal(heap(), first);
    await models.dispose();
  });

  test("is used again after a model was closed", async () => {
    const open = async (): Promise<void> => {
      const models = modelsOf({ device: "wasm" });
      const { handle } = await models.open({ model: MODEL, precision: "int8" }, never());
      await models.run({ handle, ...batchOf(ids.slice(0, 2)) }, never());
      await models.dispose();
    };
    await open();
    const before = heap();
    for (let round = 0; round < 4; round++) await open();
    assert.equal(heap(), before);
  });
});

test("an opened native model no longer needs the bytes it was opened from", async () => {
  const folder = join(MODELS, MODEL, "int8");
  const read = (name: string): Uint8Array<ArrayBuffer> =>
    new Uint8Array(readFileSync(join(folder, name)));
  const card = readCard(read("edgelet.json"), folder);
  const [graph, weights] = [read("model.onnx"), read("model.onnx.data")];
  const engine = new NativeEngine(createRequire(import.meta.url)("onnxruntime-node"), 1);
  const network = await engine.open({ where: folder, card, graph, weights });
  graph.fill(0);
  weights.fill(0);
  for (const [index, text] of ids.slice(0, 10).entries()) {
    const vector = await network.run(batchOf([text]), never());
    assert.ok(cosine(vector, native["int8"]![index]!) > 0.999999);
  }
  await network.dispose();
});
