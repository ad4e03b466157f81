"""What `Session` is meant to reach, as data: shown beside the figures, never asserted."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FIRST = "first chunk, ms"
BURST = "a chunk of a burst, µs"
ALONE = "a chunk that comes alone, CPU µs"
FAULTS = "chunks lost or out of order"
RATE = "chunks/s"
LATE = "first chunk, p99 ms"
LEFT = "left to disconnected, ms"

OURS = "edgelet"
PEER = "httpx2, new connection"
"""The bare client that does as `Session` does: a connection for every request."""

Samples = Mapping[str, Mapping[str, Sequence[float]]]
"""What was measured in one setting, by client and figure: a number for every round."""


@dataclass(frozen=True, slots=True)
class Aim:
    """`figure` of edgelet is at most `most`: by itself, or `added` to what the peer takes."""

    figure: str
    most: float
    added: bool = True


AIMS = (Aim(FIRST, 1.0), Aim(BURST, 30.0), Aim(ALONE, 30.0), Aim(FAULTS, 0.0, added=False))


def reached(aim: Aim, samples: Samples) -> float | None:
    """What there is of an aim's figure in one setting; the median of what each round added."""
    ours = samples[OURS].get(aim.figure)
    if ours is None:
        return None
    if not aim.added:
        return max(ours)
    bare = samples[PEER][aim.figure]
    return statistics.median(one - other for one, other in zip(ours, bare, strict=True))
