// A Python page's way to the wheel: `node loads.mjs WHEELS PYODIDE` loads the package that the lock
// file in WHEELS names, with every address that is not there refused, and prints its version.

import { join } from "node:path";

import { loadPyodide } from "../../js-shim/node_modules/pyodide/pyodide.mjs";

const [wheels, indexURL] = process.argv.slice(2);
globalThis.fetch = async (url) => {
  throw new Error(`the network was asked for ${url}`);
};
const pyodide = await loadPyodide({
  indexURL,
  lockFileURL: join(wheels, "pyodide-lock.json"),
  packageBaseUrl: wheels,
  packages: ["edgelet"],
});
process.stdout.write(pyodide.runPython("import edgelet, edgelet_pyodide; edgelet.__version__"));
process.exit();
