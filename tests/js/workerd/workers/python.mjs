/** The modules of Python, as every Worker with edgelet imports them. */

import asm from "edgelet/assets/python/pyodide.asm.mjs";
import pythonWasm from "edgelet/assets/python/pyodide.asm.wasm";
import stdlib from "edgelet/assets/python/stdlib.zip";
import core from "edgelet/assets/python/core.zip";

export default { asm, pythonWasm, stdlib, core };
