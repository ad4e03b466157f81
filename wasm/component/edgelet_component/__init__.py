"""Builds `edgelet-guest.wasm`: core and the guest in `edgelet_guest`, as one component."""
