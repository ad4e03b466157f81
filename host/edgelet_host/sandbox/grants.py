"""What a function is granted beside time and memory: variables, hosts, models. Nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgelet.inference_host import HOST_VARIABLE, KEY_VARIABLE
from edgelet.models import built_in_model
from edgelet_host.sandbox.network import Network

INFERENCE_VARIABLES = (HOST_VARIABLE, KEY_VARIABLE)


def inference_environment() -> dict[str, str]:
    """The variables of this process that say where the inference host is, and its key."""
    return {name: os.environ[name] for name in INFERENCE_VARIABLES if os.environ.get(name)}


@dataclass(frozen=True, slots=True)
class Grants:
    """What a function may see and reach.

    `env` is its whole environment; by default only where the inference host is, and its key.
    `allow_hosts` are the hosts it may reach beside that one, see `Network`. `allow_models` are
    models of the hub, `org/name`, that it may use beside the built-in ones. `folder` is one whose
    files it may read, by `open` and relative paths; what links out of it is not there.

    >>> Grants(env={"GREETING": "Hi"}, allow_hosts=("api.example.com",)).network.inference_host
    """

    env: Mapping[str, str] = field(default_factory=inference_environment, repr=False)
    allow_hosts: tuple[str, ...] = ()
    allow_models: tuple[str, ...] = ()
    folder: Path | None = None
    network: Network = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Read the hosts; raises `OptionError`."""
        network = Network(tuple(self.allow_hosts), self.env.get(HOST_VARIABLE) or None)
        object.__setattr__(self, "network", network)

    def may_use(self, model: str) -> bool:
        """Whether a function may open that embedding model.

        >>> Grants(allow_models=("org/name",)).may_use("gte-small")
        True
        """
        return built_in_model(model) is not None or model in self.allow_models
