/** Models from a real server and a real folder, opened by the real onnxruntime-web. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import { ModelFailure } from "../../../js-shim/src/bridge/bridge.js";
import type { Models } from "../../../js-shim/src/bridge/models.js";
import type { Progress } from "../../../js-shim/src/types.js";
import { HostileServer } from "./hostile_server.js";
import { batchOf, cosine, ids, MODEL, MODELS, modelsOf, native, never } from "./material.js";

const PLACE = `${MODEL}/int8/`;
const FILES = ["edgelet.json", "model.onnx", "model.onnx.data", "tokenizer.json"] as const;
const BYTES = Object.fromEntries(
  FILES.map((name) => [name, new Uint8Array(readFileSync(join(MODELS, PLACE, name)))]),
) as Record<(typeof FILES)[number], Uint8Array>;
const int8 = { model: MODEL, precision: null };

function failure(...words: RegExp[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ModelFailure, String(error));
    for (const word of words) assert.match(error.message, word);
    return true;
  };
}

describe("models from a server", () => {
  let server: HostileServer;
  let models: Models;
  let heard: Progress[];

  before(async () => (server = await HostileServer.start()));
  after(() => server.stop());
  beforeEach(() => {
    server.asked.length = server.left.length = 0;
    for (const name of FILES) server.serve(PLACE + name, BYTES[name]);
    heard = [];
    const onProgress = (progress: Progress): void => void heard.push(progress);
    models = modelsOf({ models: server.url, device: "wasm", onProgress });
  });
  afterEach(() => models.dispose());

  test("a model is opened with its card and its tokenizer, and gives vectors", async () => {
    const opened = await models.open(int8, never());
    const { card, tokenizerJson, handle } = opened;
    assert.deepEqual(card, {
      model: MODEL,
      precision: "int8",
      dimensions: 384,
      max_tokens: 256,
      positions: 512,
      pooling: "mean",
    });
    assert.deepEqual(tokenizerJson, BYTES["tokenizer.json"]);
    const vector = await models.run({ handle, ...batchOf([ids[0]!]) }, never());
    assert.ok(cosine(vector, native["int8"]![0]!) > 0.999);
    const ends = heard.filter(({ loaded, total }) => loaded === total).map(({ file }) => file);
    assert.deepEqual(ends.sort(), FILES.slice(1).map((name) => PLACE + name).sort());
    assert.ok(heard.every(({ cached }) => !cached));
  });

  test("those who ask at once share one load and one model", async () => {
    const opened = await Promise.all([1, 2, 3].map(() => models.open(int8, never())));
    assert.equal(new Set(opened.map(({ handle }) => handle)).size, 1);
    assert.deepEqual([...server.asked].sort(), FILES.map((name) => PLACE + name).sort());
  });

  test("an abort in the middle closes the connections, and the next caller loads anew", async () => {
    const stuck = { kind: "stuck", bytes: BYTES["model.onnx.data"], after: 100_000 } as const;
    server.answers.set(`${PLACE}model.onnx.data`, stuck);
    const leaving = new AbortController();
    const left = models.open(int8, leaving.signal);
    await server.until(() => server.asked.includes(`${PLACE}model.onnx.data`));
    leaving.abort(new Error("left"));
    await assert.rejects(left, /left/);
    await server.until(() => server.left.includes(`${PLACE}model.onnx.data`));
    server.serve(`${PLACE}model.onnx.data`, BYTES["model.onnx.data"]);
    assert.equal((await models.open(int8, never())).card.precision, "int8");
  });

  test("one caller's abort does not end the load of another", async () => {
    const leaving = new AbortController();
    const left = models.open(int8, leaving.signal);
    const stays = models.open(int8, never());
    await server.until(() => server.asked.includes(`${PLACE}model.onnx.data`));
    leaving.abort(new Error("left"));
    await assert.rejects(left, /left/);
    assert.equal((await stays).card.model, MODEL);
    assert.deepEqual(server.left, []);
  });

  test("a failure is not remembered, and ends the loading of the other files", async () => {
    const stuck = { kind: "stuck", bytes: BYTES["model.onnx.data"], after: 100_000 } as const;
    server.answers.set(`${PLACE}model.onnx.data`, stuck);
    server.answers.set(`${PLACE}model.onnx`, { kind: "status", status: 404 });
    await assert.rejects(models.open(int8, never()), failure(/model\.onnx.*answers 404/));
    await server.until(() => server.left.includes(`${PLACE}model.onnx.data`));
    for (const name of FILES) server.serve(PLACE + name, BYTES[name]);
    assert.equal((await models.open(int8, never())).card.model, MODEL);
  });

  test("a model that is not there says where it was looked for and what to do", async () => {
    const missing = { model: "intfloat/e5-small-v2", precision: "q8" } as const;
    await assert.rejects(
      models.open(missing, never()),
      failure(
        /there is no model intfloat\/e5-small-v2 in http:.*\/intfloat--e5-small-v2\/q8\//,
        /edgelet models export intfloat\/e5-small-v2 DIRECTORY --precision q8/,
      ),
    );
  });

  test("a card of another model or precision never stands in for the asked one", async () => {
    for (const place of ["gte-small/int8/", `${MODEL}/q8/`]) {
      for (const name of FILES) server.serve(place + name, BYTES[name]);
    }
    const other = models.open({ model: "gte-small", precision: null }, never());
    await assert.rejects(other, failure(/holds all-MiniLM-L6-v2, not gte-small/));
    const coarser = models.open({ model: MODEL, precision: "q8" }, never());
    await assert.rejects(coarser, failure(/is int8, but q8 was asked/));
  });

  test("a hub id finds the model under its own name", async () => {
    const hub = `sentence-transformers/${MODEL}`;
    for (const name of FILES) {
      server.serve(`sentence-transformers--${MODEL}/int8/${name}`, BYTES[name]);
    }
    const { card } = await models.open({ model: hub, precision: null }, never());
    assert.equal(card.model, MODEL);
  });

  test("a URL is the folder itself", async () => {
    const folder = { model: `${server.url}${PLACE}`, precision: null };
    assert.equal((await models.open(folder, never())).card.model, MODEL);
  });

  test("a graph that is damaged but carries the right hash is refused in one sentence", async () => {
    const { createHash } = await import("node:crypto");
    const graph = BYTES["model.onnx"].slice(0, 5000);
    const card = JSON.parse(new TextDecoder().decode(BYTES["edgelet.json"]));
    const sha256 = createHash("sha256").update(graph).digest("hex");
    card.files["model.onnx"] = { size: graph.length, sha256 };
    server.serve(`${PLACE}model.onnx`, graph);
    server.serve(`${PLACE}edgelet.json`, new TextEncoder().encode(JSON.stringify(card)));
    await assert.rejects(models.open(int8, never()), failure(/cannot be opened/));
  });

  test("after dispose, nothing opens or runs, and what was loading is given up", async () => {
    const { handle } = await models.open(int8, never());
    const stuck = { kind: "stuck", bytes: BYTES["model.onnx.data"], after: 100_000 } as const;
    const hub = { model: `sentence-transformers/${MODEL}`, precision: null };
    for (const name of FILES) {
      server.serve(`sentence-transformers--${MODEL}/int8/${name}`, BYTES[name]);
    }
    server.answers.set(`sentence-transformers--${MODEL}/int8/model.onnx.data`, stuck);
    const loading = models.open(hub, never());
    await server.until(() => server.asked.at(-1)!.startsWith("sentence-transformers--"));
    const given_up = assert.rejects(loading, failure(/disposed/));
    await models.dispose();
    await given_up;
    await assert.rejects(models.open(int8, never()), failure(/disposed/));
    const run = models.run({ handle, ...batchOf([ids[0]!]) }, never());
    await assert.rejects(run, failure(/disposed/));
  });
});

describe("models in a folder", () => {
  test("a path is the artefact's folder itself", async () => {
    const models = modelsOf({ device: "wasm" });
    const folder = { model: join(MODELS, PLACE), precision: null };
    assert.equal((await models.open(folder, never())).card.model, MODEL);
    await models.dispose();
  });

  test("the asked precision is opened", async () => {
    const models = modelsOf({ device: "wasm", precision: "q8" });
    const opened = await models.open({ model: MODEL, precision: null }, never());
    assert.equal(opened.card.precision, "q8");
    await models.dispose();
  });

  test("names that are no names are refused in one sentence", async () => {
    const models = modelsOf({ device: "wasm" });
    for (const model of ["..", "a/../../b", "%2e%2e", "\ud800", "x\0y", "C:\\models", ""]) {
      const opening = models.open({ model, precision: null }, never());
      await assert.rejects(opening, failure(/there is no model|is no name|cannot be read/));
    }
    await models.dispose();
  });
});

test("the library's tokenizer gives the ids that core gives, special tokens included", async () => {
  const models = modelsOf({ device: "wasm" });
  const { handle } = await models.open(int8, never());
  const encode = await models.encoder(handle);
  assert.deepEqual([...encode("Hello world")], [101, 7592, 2088, 102]);
  assert.equal(encode("word ".repeat(600)).length, 602);
  await models.dispose();
});
