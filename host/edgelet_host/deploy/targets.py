"""The targets by their names, each with what makes a bundle of a function for it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from edgelet_host.deploy.browser import browser_bundle
from edgelet_host.deploy.bundle import Asked, Bundle
from edgelet_host.deploy.cloudflare import cloudflare_bundle
from edgelet_host.deploy.servers import SERVERS, server_bundle
from edgelet_host.deploy.standalone import standalone_bundle
from edgelet_host.deploy.supabase import supabase_bundle

TARGETS: Mapping[str, Callable[[Asked], Bundle]] = {
    **{name: functools.partial(server_bundle, server=server) for name, server in SERVERS.items()},
    "cloudflare": cloudflare_bundle,
    "supabase": supabase_bundle,
    "browser": browser_bundle,
    "wasm": standalone_bundle,
}
