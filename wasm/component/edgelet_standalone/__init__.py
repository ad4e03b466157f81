"""A component that needs no host of ours: core and one function, over `wasi:http`.

The guest is that of `edgelet_guest`; here are the imports of `world.wit`, performed by what every
host of WASI 0.2 offers (`standalone.wit`). It runs in a component and nowhere else.
"""
