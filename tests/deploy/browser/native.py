"""The vector of a text by native onnxruntime, which a browser must give, too."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

from edgelet import SyncSession, use_host
from edgelet.models import DEFAULT_MODEL
from edgelet_host.native import NativeHost

TEXT = "Hello wörld"


@cache
def native_vector() -> list[float]:
    def embedded() -> list[float]:
        with use_host(NativeHost()), SyncSession(DEFAULT_MODEL, precision="int8") as session:
            return list(session.run(TEXT))

    # Playwright runs an event loop in this thread, in which nothing else may wait.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(embedded).result()


def hold_to_native(vector: list[float]) -> None:
    assert len(vector) == 384
    assert sum(a * b for a, b in zip(vector, native_vector(), strict=True)) > 0.9999
