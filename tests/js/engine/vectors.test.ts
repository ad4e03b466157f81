/** Every engine gives the vectors of the native host. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, test } from "node:test";

import { int8Saturates } from "../../../js-shim/src/bridge/engine_native.js";
import type { Precision } from "../../../js-shim/src/types.js";
import { batchOf, cosine, DIMENSIONS, ids, MODEL, modelsOf, native, never, reference } from "./material.js";

/** The least cosine to the native host's vectors, and to sentence-transformers'. */
const LEAST: Readonly<Record<Precision, readonly [native: number, reference: number]>> = {
  fp32: [0.99999, 0.99999],
  q8: [0.999, 0.999],
  int8: [0.999, 0.998],
};

for (const device of ["wasm", "native"] as const) {
  for (const precision of ["fp32", "q8", "int8"] as const) {
    test(`${device} gives ${precision} vectors that agree with the native host's`, async (t) => {
      const models = modelsOf({ device });
      const { handle } = await models.open({ model: MODEL, precision }, never());
      const agreement: [number[], number[]] = [[], []];
      // In WebAssembly a quarter: the same engine is given all of them by ../test_vectors.py.
      for (let index = 0; index < ids.length; index += device === "wasm" ? 4 : 1) {
        const vector = await models.run({ handle, ...batchOf([ids[index]!]) }, never());
        assert.equal(vector.length, DIMENSIONS);
        agreement[0].push(cosine(vector, native[precision]![index]!));
        agreement[1].push(cosine(vector, reference[index]!));
      }
      await models.dispose();
      const [toNative, toReference] = agreement.map((cosines) => Math.min(...cosines));
      t.diagnostic(`${device} ${precision}: native ${toNative}, reference ${toReference}`);
      assert.ok(toNative! >= LEAST[precision][0], `cosine ${toNative} to the native host`);
      assert.ok(toReference! >= LEAST[precision][1], `cosine ${toReference} to fp32`);
    });
  }
}

for (const device of ["wasm", "native"] as const) {
  describe(`batches on ${device}`, () => {
    test("texts of one length are not copied, and have the vectors they have alone", async () => {
      const models = modelsOf({ device });
      const { handle } = await models.open({ model: MODEL, precision: "fp32" }, never());
      const texts = ids.filter(({ length }) => length === ids[0]!.length).slice(0, 4);
      const together = await models.run({ handle, ...batchOf(texts) }, never());
      for (const [index, text] of texts.entries()) {
        const alone = await models.run({ handle, ...batchOf([text]) }, never());
        const row = together.subarray(index * DIMENSIONS, (index + 1) * DIMENSIONS);
        assert.ok(cosine(row, alone) > 0.999999);
      }
      await models.dispose();
    });

    test("shorter texts are padded, and keep their vectors", async () => {
      const models = modelsOf({ device });
      const { handle } = await models.open({ model: MODEL, precision: "fp32" }, never());
      const texts = [ids[0]!, ids.at(-1)!, ids[100]!];
      const together = await models.run({ handle, ...batchOf(texts) }, never());
      assert.equal(together.length, 3 * DIMENSIONS);
      for (const [index, text] of texts.entries()) {
        const alone = await models.run({ handle, ...batchOf([text]) }, never());
        const row = together.subarray(index * DIMENSIONS, (index + 1) * DIMENSIONS);
        assert.ok(cosine(row, alone) > 0.999999);
      }
      await models.dispose();
    });

    test("token outputs have one row a token, normalised or not", async () => {
      const models = modelsOf({ device });
      const { handle } = await models.open({ model: MODEL, precision: "fp32" }, never());
      const texts = [ids[0]!, ids[0]!.slice(0, 3)];
      const rows = await models.run({ handle, ...batchOf(texts, "token_embeddings") }, never());
      assert.equal(rows.length, 2 * ids[0]!.length * DIMENSIONS);
      const first = rows.subarray(0, DIMENSIONS);
      assert.ok(Math.abs(Math.hypot(...first) - 1) < 1e-5);
      const raw = await models.run({ handle, ...batchOf(texts, "token_embeddings_raw") }, never());
      assert.ok(Math.abs(Math.hypot(...raw.subarray(0, DIMENSIONS)) - 1) > 0.1);
      await models.dispose();
    });

    test("a batch that the engine refuses is one sentence, and the next one runs", async () => {
      const models = modelsOf({ device });
      const { handle } = await models.open({ model: MODEL, precision: "fp32" }, never());
      const bad = models.run({ handle, ...batchOf([[101, 10 ** 9, 102]]) }, never());
      await assert.rejects(bad, /^ModelFailure: the model in .* cannot run a batch: [^\n]*$/);
      const good = await models.run({ handle, ...batchOf([ids[0]!]) }, never());
      assert.ok(cosine(good, reference[0]!) > 0.99999);
      await models.dispose();
    });

    test("runs that meet are answered each with its own vector", async () => {
      const models = modelsOf({ device });
      const { handle } = await models.open({ model: MODEL, precision: "fp32" }, never());
      const runs = ids.slice(0, 8).map((text) => models.run({ handle, ...batchOf([text]) }, never()));
      for (const [index, vector] of (await Promise.all(runs)).entries()) {
        assert.ok(cosine(vector, reference[index]!) > 0.99999);
      }
      await models.dispose();
    });

    test("an abort is heard between two batches", async () => {
      const models = modelsOf({ device });
      const { handle } = await models.open({ model: MODEL, precision: "int8" }, never());
      const leaving = new AbortController();
      setImmediate(() => leaving.abort(new Error("left")));
      const batch = batchOf([ids[0]!, ids[1]!]);
      let runs = 0;
      const endless = async (): Promise<void> => {
        for (; runs < 1000; runs++) await models.run({ handle, ...batch }, leaving.signal);
      };
      await assert.rejects(endless(), /left/);
      assert.ok(runs < 1000);
      await models.dispose();
    });
  });
}

test("this processor's int8 products are told right from wrong", async () => {
  const onnxruntime = createRequire(import.meta.url)("onnxruntime-node");
  assert.equal(typeof (await int8Saturates(onnxruntime)), "boolean");
});
