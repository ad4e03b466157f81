"""What the npm package's Python is made of: `python -m bundle`, run by `./build.sh bundle`.

    dist/assets/python/      Pyodide, the standard library, core, a memory snapshot of all three
    dist/assets/python/wheels/   the wheel, for plain Pyodide pages, with a lock file beside it
    dist/assets/onnxruntime/ the engine
    dist/assets/models/      the default model

The work that needs Pyodide's own CPython (bytecode, the choice of modules, the snapshot) is done in
Pyodide, under Node, with the tools of pyodide-build. Nothing here runs in a browser, and nothing
that runs in a browser knows this package.
"""
