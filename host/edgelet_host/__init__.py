"""edgelet on CPython: the native host, the model store and builder, and the command line."""
