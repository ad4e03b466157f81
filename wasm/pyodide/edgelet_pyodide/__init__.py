"""Core inside Pyodide: what runs beside it there.

`calls` is what the npm package steps from JavaScript; `host` answers core's effects for Python code
in a plain Pyodide page; `prepared` is what a memory snapshot holds. Only this package knows
Pyodide.
"""
