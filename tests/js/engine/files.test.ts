/** Files from real servers that fail, lie and stand still, and from folders. */

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { pathToFileURL } from "node:url";

import { ModelFailure } from "../../../js-shim/src/bridge/bridge.js";
import { FetchedFiles } from "../../../js-shim/src/bridge/files_fetched.js";
import { FilesOnDisk } from "../../../js-shim/src/bridge/files_on_disk.js";
import { HostileServer } from "./hostile_server.js";
import { never } from "./material.js";

const BYTES = new Uint8Array(randomBytes(300_000));
const FACTS = { size: BYTES.length, sha256: createHash("sha256").update(BYTES).digest("hex") };
const CARD = {
  format: 1,
  model: "all-MiniLM-L6-v2",
  precision: "int8",
  dimensions: 384,
  max_tokens: 256,
  positions: 512,
  pooling: "mean",
  source: { "model.safetensors": "" },
  files: { "model.onnx": FACTS, "model.onnx.data": FACTS, "tokenizer.json": FACTS },
};
const nothing = (): void => undefined;

function failure(...words: RegExp[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ModelFailure, String(error));
    for (const word of words) assert.match(error.message, word);
    return true;
  };
}

describe("files from a server", () => {
  let server: HostileServer;
  let files: FetchedFiles;
  let url: URL;

  before(async () => {
    server = await HostileServer.start();
    files = new FetchedFiles({ base: undefined });
    url = new URL("model.onnx.data", server.url);
  });
  after(() => server.stop());
  beforeEach(() => {
    server.asked.length = server.left.length = 0;
    server.serve("model.onnx.data", BYTES);
  });

  test("a file arrives whole, and its coming is heard from the first to the last byte", async () => {
    const heard: number[] = [];
    const bytes = await files.file(url, FACTS, (loaded, cached) => {
      assert.equal(cached, false);
      heard.push(loaded);
    }, never());
    assert.deepEqual(bytes, BYTES);
    assert.equal(heard[0], 0);
    assert.equal(heard.at(-1), BYTES.length);
    assert.deepEqual(heard, [...heard].sort((a, b) => a - b));
  });

  test("a changed byte is found, and the next attempt may succeed", async () => {
    const changed = BYTES.slice();
    changed[1234]! ^= 1;
    server.serve("model.onnx.data", changed);
    await assert.rejects(files.file(url, FACTS, nothing, never()), failure(/SHA-256 differs/));
    server.serve("model.onnx.data", BYTES);
    assert.deepEqual(await files.file(url, FACTS, nothing, never()), BYTES);
  });

  test("a file that is too short is refused", async () => {
    server.serve("model.onnx.data", BYTES.subarray(0, 1000));
    const wrong = failure(/ended after 1000 of 300000 bytes/);
    await assert.rejects(files.file(url, FACTS, nothing, never()), wrong);
  });

  test("a connection that breaks is an error that says to try again", async () => {
    server.answers.set("model.onnx.data", { kind: "cut", bytes: BYTES, after: 1000 });
    await assert.rejects(files.file(url, FACTS, nothing, never()), failure(/try it again/));
  });

  test("a file without end is left as soon as it is too long", async () => {
    server.answers.set("model.onnx.data", { kind: "endless" });
    await assert.rejects(files.file(url, FACTS, nothing, never()), failure(/more than 300000/));
    await server.until(() => server.left.includes("model.onnx.data"));
  });

  test("a card without end is left as soon as it is too long", async () => {
    server.answers.set("edgelet.json", { kind: "endless" });
    const card = files.card(new URL("edgelet.json", server.url), never());
    await assert.rejects(card, failure(/more than 262144 bytes/));
    await server.until(() => server.left.includes("edgelet.json"));
  });

  test("an abort closes the connection and throws the signal's reason", async () => {
    server.answers.set("model.onnx.data", { kind: "stuck", bytes: BYTES, after: 1000 });
    const controller = new AbortController();
    const reason = new Error("enough");
    const heard = (loaded: number): void => {
      if (loaded > 0) controller.abort(reason);
    };
    const file = files.file(url, FACTS, heard, controller.signal);
    await assert.rejects(file, (error) => error === reason);
    await server.until(() => server.left.includes("model.onnx.data"));
  });

  test("a server that falls silent is left", async () => {
    server.answers.set("model.onnx.data", { kind: "stuck", bytes: BYTES, after: 1000 });
    const impatient = new FetchedFiles({ base: undefined, longestSilence: 50 });
    const file = impatient.file(url, FACTS, nothing, never());
    await assert.rejects(file, failure(/nothing came for 0.05 seconds/));
    await server.until(() => server.left.includes("model.onnx.data"));
  });

  test("the server's status is told", async () => {
    for (const status of [403, 404, 500]) {
      server.answers.set("model.onnx.data", { kind: "status", status });
      const file = files.file(url, FACTS, nothing, never());
      await assert.rejects(file, failure(new RegExp(`answers ${status}`)));
    }
  });

  test("a server that is not there is told", async () => {
    const gone = await HostileServer.start();
    const there = new URL("edgelet.json", gone.url);
    await gone.stop();
    await assert.rejects(files.card(there, never()), failure(/cannot be fetched/, /try it again/));
  });

  test("where there is no card, there is no model", async () => {
    const nowhere = new URL("nowhere/edgelet.json", server.url);
    assert.equal(await files.card(nowhere, never()), undefined);
  });

  test("neither a query nor a password gets into an error", async () => {
    const secret = new URL("model.onnx.data?token=hush", server.url);
    server.answers.set("model.onnx.data", { kind: "status", status: 500 });
    await assert.rejects(files.file(secret, FACTS, nothing, never()), (error: Error) => {
      assert.doesNotMatch(error.message, /hush/);
      return true;
    });
  });
});

describe("cards", () => {
  let server: HostileServer;
  before(async () => (server = await HostileServer.start()));
  after(() => server.stop());

  const read = (card: unknown): Promise<unknown> => {
    const text = typeof card === "string" ? card : JSON.stringify(card);
    server.serve("edgelet.json", new TextEncoder().encode(text));
    const files = new FetchedFiles({ base: undefined });
    return files.card(new URL("edgelet.json", server.url), never());
  };

  test("a sound card is read", async () => {
    const card = (await read(CARD)) as { facts: unknown; fused: boolean; files: object };
    const { model, precision, dimensions, max_tokens, positions, pooling } = CARD;
    const facts = { model, precision, dimensions, max_tokens, positions, pooling };
    assert.deepEqual(card.facts, facts);
    assert.deepEqual(card.files, { graph: FACTS, weights: FACTS, tokenizer: FACTS });
    assert.equal(card.fused, true);
  });

  test("a page instead of a card is told from one", async () => {
    await assert.rejects(read("<!doctype html>"), failure(/holds no JSON object/));
    await assert.rejects(read("[]"), failure(/holds no JSON object/));
    await assert.rejects(read("\xff"), failure(/holds no JSON object/));
  });

  test("a card of another format says to export the model again", async () => {
    await assert.rejects(read({ ...CARD, format: 2 }), failure(/has format 2/, /export/));
  });

  const damages: Record<string, object> = {
    "no model": { model: 7 },
    "an unknown precision": { precision: "int3" },
    "an unknown pooling": { pooling: "max" },
    "no dimensions": { dimensions: 0 },
    "half a dimension": { dimensions: 38.5 },
    "more tokens than positions": { max_tokens: 513 },
    "no files": { files: null },
    "a file less": { files: { ...CARD.files, "model.onnx": undefined } },
    "a file of no size": { files: { ...CARD.files, "model.onnx": { ...FACTS, size: "9" } } },
    "a file of 5 GB": { files: { ...CARD.files, "model.onnx.data": { ...FACTS, size: 5e9 } } },
    "a hash that is none": { files: { ...CARD.files, "model.onnx": { ...FACTS, sha256: "ff" } } },
  };
  for (const [what, damage] of Object.entries(damages)) {
    test(`a card with ${what} is refused`, async () => {
      await assert.rejects(read({ ...CARD, ...damage }), failure(/is damaged/));
    });
  }
});

describe("files on disk", () => {
  const files = new FilesOnDisk();
  let folder: string;
  let url: URL;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "edgelet files #1 "));
    url = new URL("model.onnx.data", pathToFileURL(`${folder}/`));
    await writeFile(join(folder, "model.onnx.data"), BYTES);
  });
  after(() => rm(folder, { recursive: true }));

  test("a file is read whole, and nothing counts as transferred", async () => {
    const heard: unknown[] = [];
    const bytes = await files.file(url, FACTS, (...news) => heard.push(news), never());
    assert.deepEqual(bytes, BYTES);
    assert.deepEqual(heard, [[0, true], [BYTES.length, true]]);
  });

  test("a file that is missing, changed or of another size is refused", async () => {
    const missing = new URL("model.onnx", url);
    const changed = { ...FACTS, sha256: "0".repeat(64) };
    const longer = { ...FACTS, size: FACTS.size + 1 };
    const wrong = failure(/missing or not the file/, /export/);
    await assert.rejects(files.file(missing, FACTS, nothing, never()), wrong);
    await assert.rejects(files.file(url, changed, nothing, never()), wrong);
    await assert.rejects(files.file(url, longer, nothing, never()), wrong);
  });

  test("a folder in a file's place is no file", async () => {
    assert.equal(await files.card(new URL(".", url), never()), undefined);
  });

  test("paths mean folders, relative to the working directory or to the home", () => {
    const cwd = pathToFileURL(`${process.cwd()}/`).href;
    assert.equal(files.locate("./a b").href, `${cwd}a%20b/`);
    assert.equal(files.locate("/models/#1").href, "file:///models/%231/");
    assert.equal(files.locate("~/m").href, `${pathToFileURL(homedir()).href}/m/`);
    assert.equal(files.locate("https://example.org/m?key=1").href, "https://example.org/m/?key=1");
  });

  test("an abort ends the reading", async () => {
    const file = files.file(url, FACTS, nothing, AbortSignal.abort(new Error("enough")));
    await assert.rejects(file, /enough/);
  });
});
