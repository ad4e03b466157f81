// CPython of the pinned Pyodide as a command: `node python.mjs --mount FOLDER… -- CODE ARGUMENT…`.
// CODE sees the mounted folders of this machine under their own names, and prints to stdout. Its
// environment are the lines NAME=VALUE of EDGELET_PYTHON_ENV.

import { writeSync } from "node:fs";

import { loadPyodide } from "../../../js-shim/node_modules/pyodide/pyodide.mjs";

const end = process.argv.indexOf("--");
const folders = process.argv.slice(2, end).filter((argument) => argument !== "--mount");
const lines = (process.env.EDGELET_PYTHON_ENV ?? "").split("\n").filter(Boolean);
const env = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s, 2)));

try {
  const python = await loadPyodide({
    env: { HOME: "/home/pyodide", ...env },
    // Before Python starts: what is not there then, it does not look for again.
    fsInit: async (files) => {
      for (const folder of folders) {
        files.mkdirTree(folder);
        files.mount(files.filesystems.NODEFS, { root: folder }, folder);
      }
    },
  });
  python.setStdout({ write: (bytes) => writeSync(1, bytes) });
  python.setStderr({ write: (bytes) => writeSync(2, bytes) });
  const [code, ...rest] = process.argv.slice(end + 1);
  python.pyimport("sys").argv = python.toPy(["-c", ...rest]);
  python.runPython(code);
} catch (error) {
  console.error(error.message ?? error);
  process.exitCode = 1;
}
process.exit();
