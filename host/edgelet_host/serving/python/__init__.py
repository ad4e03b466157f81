"""Functions in Python: in the sandbox, or in the server itself."""
