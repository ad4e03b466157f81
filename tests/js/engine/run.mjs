// Bundle the tests in TypeScript and run them with Node's own runner.
//
//   node run.mjs MATERIAL [NAME …]
//
// MATERIAL is a folder written by material.py; NAME picks files, such as `files` for
// files.test.ts. The bundles lie below js-shim/node_modules, where packages are found from.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const shim = resolve(here, "../../../js-shim");
const [material, ...names] = process.argv.slice(2);
const { buildSync } = createRequire(join(shim, "package.json"))("esbuild");

const home = join(shim, "node_modules", ".cache", "edgelet-engine-tests");
mkdirSync(home, { recursive: true });
const output = mkdtempSync(join(home, "run-"));
const tests = readdirSync(here)
  .filter((file) => file.endsWith(".test.ts"))
  .filter((file) => names.length === 0 || names.includes(file.replace(".test.ts", "")));

buildSync({
  entryPoints: tests.map((file) => join(here, file)),
  outdir: output,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  format: "esm",
  platform: "node",
  target: "es2022",
  sourcemap: "inline",
  nodePaths: [join(shim, "node_modules")],
  external: ["onnxruntime-node", "esbuild"],
  logLevel: "warning",
});

const files = readdirSync(output).map((file) => join(output, file));
const { status } = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...files], {
  stdio: "inherit",
  env: { ...process.env, EDGELET_MATERIAL: resolve(material) },
});
rmSync(output, { recursive: true, force: true });
process.exitCode = status ?? 1;
