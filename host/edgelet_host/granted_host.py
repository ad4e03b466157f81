"""The native host, as far as one function is granted it.

For functions that are not in the sandbox, whose sessions run in this process: those in Deno, which
ask through their door. What the sandbox checks at its border is checked here.
"""

from __future__ import annotations

from dataclasses import replace

from edgelet.effects import OpenModel, ResponseHead, RunModel, Send
from edgelet.errors import ModelError
from edgelet.fetching import NOT_THE_CALLERS
from edgelet.host import Host
from edgelet.models import OpenedModel
from edgelet_host.http_client import OpenResponse
from edgelet_host.native import NativeHost
from edgelet_host.sandbox.grants import Grants


class GrantedHost(Host):
    """Answers effects by `host`, within `grants`."""

    def __init__(self, host: NativeHost, grants: Grants) -> None:
        self._host = host
        self._grants = grants

    def env(self, name: str) -> str | None:
        """A variable that was granted."""
        return self._grants.env.get(name)

    async def open_model(self, effect: OpenModel) -> OpenedModel:
        """Open a model that was granted; raises `ModelError` for another."""
        if not self._grants.may_use(effect.model):
            raise ModelError(
                f"this function may not use the model {effect.model!r}; name it in allow_models"
            )
        return await self._host.open_model(effect)

    async def run_model(self, effect: RunModel) -> memoryview:
        """Run one batch."""
        return await self._host.run_model(effect)

    async def send(self, effect: Send) -> ResponseHead:
        """Send to a host that was granted; raises `TransportFailed` for another."""
        request = effect.request
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in NOT_THE_CALLERS
        }
        address = await self._grants.network.address(request.url)
        return await self._host.send(
            replace(effect, request=replace(request, headers=headers)), address
        )

    async def receive(self, response: OpenResponse) -> list[bytes]:
        """See `http_client.OpenResponse.receive`."""
        return await self._host.receive(response)

    async def close(self, response: OpenResponse) -> None:
        """See `http_client.OpenResponse.close`."""
        await self._host.close(response)
