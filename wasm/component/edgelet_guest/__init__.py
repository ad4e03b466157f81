"""Core inside a WebAssembly component: the guest that runs a user's Python function.

`app` is the component's face to its host, as `world.wit` describes it. Only this package knows the
component model; it runs nowhere else.
"""
