import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";

import { digestOf, hasSha256 } from "../../../js-shim/src/bridge/sha256.js";

function expected(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

test("the digest is Node's for every length up to three blocks, and for a megabyte", () => {
  for (const length of [...Array(193).keys(), 1_000_003]) {
    const bytes = new Uint8Array(randomBytes(length));
    assert.equal(Buffer.from(digestOf(bytes)).toString("hex"), expected(bytes), `${length} bytes`);
  }
});

test("a part of a larger buffer has the digest of that part", () => {
  const bytes = new Uint8Array(randomBytes(500)).subarray(37, 411);
  assert.equal(Buffer.from(digestOf(bytes)).toString("hex"), expected(bytes));
});

test("the platform's digest is compared in the same way", async () => {
  const bytes = new Uint8Array(randomBytes(100));
  assert.equal(await hasSha256(bytes, expected(bytes)), true);
  assert.equal(await hasSha256(bytes, "0".repeat(64)), false);
});
