// Takes the memory snapshot: `node snapshot.mjs ASSETS TOKENIZER SNAPSHOT MODULE…`. Python is started
// as the npm package starts it (js-shim/src/runtime/python.ts), so that what is restored there fits;
// then the modules are imported, and the tokenizer is read.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { loadPyodide } from "../../../js-shim/node_modules/pyodide/pyodide.mjs";

const [assets, tokenizer, snapshot, ...names] = process.argv.slice(2);
const core = "/lib/edgelet-core.zip";
const { info } = JSON.parse(
  readFileSync(new URL("../../../js-shim/node_modules/pyodide/pyodide-lock.json", import.meta.url)),
);

try {
  const python = await loadPyodide({
    indexURL: assets,
    stdLibURL: join(assets, "stdlib.zip"),
    packageBaseUrl: assets,
    lockFileContents: { info, packages: {} },
    env: { PYTHONPATH: core, HOME: "/home/pyodide", PYTHONHASHSEED: "0" },
    fsInit: async (files) => files.writeFile(core, readFileSync(join(assets, "core.zip"))),
    _makeSnapshot: true,
  });
  const namespace = python.toPy({});
  python.runPython(readFileSync(new URL("frozen.py", import.meta.url), "utf8"), {
    globals: namespace,
  });
  const freeze = namespace.get("freeze");
  const bytes = python.toPy(new Uint8Array(readFileSync(tokenizer)));
  freeze(python.toPy(names), bytes);
  for (const proxy of [bytes, freeze, namespace]) proxy.destroy();
  writeFileSync(snapshot, gzipSync(python.makeMemorySnapshot(), { level: 9 }));
} catch (error) {
  console.error(error.message ?? error);
  process.exitCode = 1;
}
process.exit();
