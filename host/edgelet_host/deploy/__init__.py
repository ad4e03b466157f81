"""Functions as folders that a platform runs without edgelet or its clone beside them.

`targets` are the platforms by name, with a module for each kind: `servers` for Deno, Node and Bun,
`cloudflare` for Workers, `supabase` for Supabase, `browser` for service workers, `standalone` for
hosts of WebAssembly components. `limits` is what a platform allows, and `workers_limits` what
Cloudflare does.

`javascript` and `python` give the function's own files, `package` the parts of the npm package;
`folder` writes a bundle. The same function gives the same bytes. Values of secrets are read by none
of these: only their names are.
"""

from edgelet_host.deploy.bundle import Asked, Bundle
from edgelet_host.deploy.folder import write_folder
from edgelet_host.deploy.targets import TARGETS

__all__ = ["TARGETS", "Asked", "Bundle", "write_folder"]
