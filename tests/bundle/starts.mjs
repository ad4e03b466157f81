// Starts Python from a folder of assets, as the npm package does, and prints what a Python
// expression gives: `node starts.mjs FOLDER EXPRESSION [--snapshot]`. From the snapshot, Python
// finds an empty standard library and no core.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

import { loadPyodide } from "../../js-shim/node_modules/pyodide/pyodide.mjs";

const [folder, expression, fromSnapshot] = process.argv.slice(2);
const { abi, platform, python } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
const core = "/lib/edgelet-core.zip";
const info = { abi_version: abi, arch: "wasm32", platform, python };
const shared = {
  indexURL: folder,
  packageBaseUrl: folder,
  lockFileContents: { info, packages: {} },
  env: { PYTHONPATH: core, HOME: "/home/pyodide" },
};
const plain = {
  stdLibURL: join(folder, "stdlib.zip"),
  fsInit: async (files) => files.writeFile(core, readFileSync(join(folder, "core.zip"))),
};
const snapshot = () => ({
  stdLibURL: process.env.EMPTY_ZIP,
  _loadSnapshot: new Uint8Array(gunzipSync(readFileSync(join(folder, "snapshot.bin.gz")))).buffer,
});

const pyodide = await loadPyodide({ ...shared, ...(fromSnapshot ? snapshot() : plain) });
const prepared = pyodide.pyimport("edgelet_pyodide.prepared");
if (fromSnapshot) prepared.restored();
process.stdout.write(pyodide.runPython(expression));
process.exit();
