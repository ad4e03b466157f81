"""What platforms run, as far as a function's own files depend on it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform. `entry` is the npm package's module for what was deployed to it.

    `runs_typescript` and `follows_imports` (npm:, jsr:, https:, import maps) are what its runtime
    does by itself; without `finds_packages` they must be within the function's code, built under
    the export `conditions`.
    """

    name: str
    entry: str
    runs_typescript: bool
    follows_imports: bool
    finds_packages: bool = True
    conditions: tuple[str, ...] = ()
