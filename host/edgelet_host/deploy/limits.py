"""What a platform allows, beside what a bundle needs of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from edgelet.errors import FunctionError


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of a platform.

    `actual` is what the bundle needs, or `about` that; `most` is None where the platform counts
    something that is known only there, as `note` says. `way_out` is for whoever exceeds it.
    """

    name: str
    unit: Literal["bytes", "files"]
    actual: int
    most: int | None
    about: bool = False
    note: str = ""
    way_out: str = ""

    def figures(self) -> str:
        """Both figures, as a person reads them."""
        most = "" if self.most is None else f" of {self._shown(self.most)}"
        return f"{'about ' if self.about else ''}{self._shown(self.actual)}{most}"

    def as_json(self) -> dict[str, Any]:
        """The limit as JSON has it."""
        return {name: value for name, value in asdict(self).items() if name != "way_out"}

    def _shown(self, number: int) -> str:
        if self.unit == "files":
            return f"{number:,}"
        return f"{number / 1e6:.1f} MB" if number >= 1e6 else f"{number / 1e3:.1f} kB"


def check(target: str, limits: Iterable[Limit]) -> None:
    """Raise `FunctionError` for the first limit that is exceeded."""
    for limit in limits:
        if limit.most is not None and limit.actual > limit.most:
            raise FunctionError(
                f"the function does not fit {target}: {limit.name}: {limit.figures()}; "
                f"{limit.way_out}"
            )
